/* Empty: bcc includes this header, and needs nothing of it here. */
#ifndef IOTRACE_LINUX_LOG2_H
#define IOTRACE_LINUX_LOG2_H
#endif
