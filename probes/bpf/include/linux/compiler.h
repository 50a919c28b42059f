/* Empty: bcc includes this header, and needs nothing of it here. */
#ifndef IOTRACE_LINUX_COMPILER_H
#define IOTRACE_LINUX_COMPILER_H
#endif
