"""The Chinese fonts of the pictures, made of Noto Sans SC: ``make fonts``."""
