/* bcc sizes ring buffers in pages; the build passes the running kernel's page size. */
#ifndef IOTRACE_ASM_PAGE_H
#define IOTRACE_ASM_PAGE_H
#ifndef PAGE_SIZE
#define PAGE_SIZE 4096
#endif
#endif
