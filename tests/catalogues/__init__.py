"""The catalogues of messages: ``python -m tests.catalogues`` writes them, the tests here look after them."""
