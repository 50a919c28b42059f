/* Empty: bcc includes this header, and needs nothing of it here. */
#ifndef IOTRACE_UAPI_LINUX_IF_PACKET_H
#define IOTRACE_UAPI_LINUX_IF_PACKET_H
#endif
