/* Only bcc's own conditions read this; programs of ours ask the running kernel instead. */
#ifndef IOTRACE_LINUX_VERSION_H
#define IOTRACE_LINUX_VERSION_H
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 8, 0)
#endif
