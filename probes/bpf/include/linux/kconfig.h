/* Stands in for the kernel's build configuration: our programs depend on no option of it. */
#ifndef IOTRACE_LINUX_KCONFIG_H
#define IOTRACE_LINUX_KCONFIG_H
#define CONFIG_BPF_SYSCALL 1
#define CONFIG_64BIT 1
#endif
