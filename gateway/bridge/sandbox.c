/* SPDX-License-Identifier: Apache-2.0
 * sandbox.c: Landlock for files, seccomp for system calls, limits. */
#define _GNU_SOURCE /* O_PATH, CLONE_THREAD */
#include "sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libmodbus and libraries like it wait with select(): a descriptor from here on would end the process. */
#define DESCRIPTORS_MAX 1024

/* ---- Files -------------------------------------------------------------------------------------------------- */
/* Rights by the version of the kernel's interface that brought them; headers may be older than the kernel. */
#define FS_FIRST     ((1ull << 13) - 1) /* from EXECUTE to MAKE_SYM */
#define FS_REFER     (1ull << 13)       /* 2 */
#define FS_TRUNCATE  (1ull << 14)       /* 3 */
#define FS_IOCTL_DEV (1ull << 15)       /* 5 */
#define FS_READ      (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_DEVICE    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV)
/* What makes sense for what is not a directory. */
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define SEEN_MAX 256 /* files whose replacement is noticed */

/* What libraries read: the loader and its libraries, name resolution, certificates, time zones. */
static const char *const system_files[] = {
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/run/systemd/resolve",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/random",
    "/dev/null",
    "/proc/self", /* its own, and the interfaces and routes of the network */
};

/* What a file was: numbers of inodes are given again, a device file that is made anew is told by its time of change. */
struct identity {
  dev_t device;
  ino_t inode; /* 0: not there */
  struct timespec made;
};

/* Files that were permitted, and what they were; of this process, which does it once. */
static struct {
  const char *path;
  struct identity identity;
} seen[SEEN_MAX];
static size_t n_seen;

static struct identity identify(const char *path, bool *ret_is_directory)
{
  struct stat st;
  bool is_there = stat(path, &st) == 0;
  *ret_is_directory = is_there && S_ISDIR(st.st_mode);
  return (struct identity){.device = is_there ? st.st_dev : 0,
                           .inode = is_there ? st.st_ino : 0,
                           .made = is_there && S_ISCHR(st.st_mode) ? st.st_ctim : (struct timespec){0}};
}

static void see(const char *path)
{
  bool is_directory; /* what is replaced in one is permitted by it */
  if (n_seen == SEEN_MAX)
    return;
  seen[n_seen].path = path;
  seen[n_seen].identity = identify(path, &is_directory);
  n_seen += !is_directory;
}

const char *tt_sandbox_replaced(void)
{
  for (size_t i = 0; i < n_seen; i++) {
    bool is_directory;
    const struct identity now = identify(seen[i].path, &is_directory), *then = &seen[i].identity;
    if (now.device != then->device || now.inode != then->inode || now.made.tv_sec != then->made.tv_sec ||
        now.made.tv_nsec != then->made.tv_nsec)
      return seen[i].path;
  }
  return NULL;
}

static int permit(int ruleset, const char *path, uint64_t rights)
{
  struct stat st;
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0)
    return 0;
  if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
    rights &= FS_OF_FILE;
  struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
  int r = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
  close(fd);
  return r;
}

/* enum tt_shut, or 0: the kernel has no Landlock. */
static int shut_files(const struct tt_sandbox *sandbox)
{
  int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1)
    return 0;
  uint64_t all = FS_FIRST | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
                 (version >= 5 ? FS_IOCTL_DEV : 0);
  struct landlock_ruleset_attr attr = {.handled_access_fs = all};
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
  if (ruleset < 0)
    return -errno;
  int r = 0;
  for (size_t i = 0; r == 0 && i < TT_COUNT(system_files); i++) {
    see(system_files[i]);
    r = permit(ruleset, system_files[i], FS_READ);
  }
  if (r == 0)
    r = permit(ruleset, "/dev/null", FS_DEVICE & all);
  for (size_t i = 0; r == 0 && i < sandbox->n_files; i++) {
    see(sandbox->files[i]);
    r = permit(ruleset, sandbox->files[i], FS_READ);
  }
  for (size_t i = 0; r == 0 && i < sandbox->n_devices; i++) {
    see(sandbox->devices[i]);
    r = permit(ruleset, sandbox->devices[i], FS_DEVICE & all);
  }
  if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
    r = -errno;
  close(ruleset);
  return r < 0 ? r : TT_SHUT_FILES;
}

/* ---- System calls ------------------------------------------------------------------------------------------- */
/* By name: not every machine has every one. What is in no list answers ENOSYS, as a kernel that lacks it would:
 * libraries know how to go on. */
static const char permitted[] =
    /* memory, threads, time */
    "brk mmap mmap2 munmap mprotect mremap madvise mlock munlock membarrier futex futex_time64 futex_waitv "
    "set_robust_list get_robust_list set_tid_address rseq sched_yield sched_getaffinity sched_getparam "
    "sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority getcpu arch_prctl prctl "
    "set_thread_area exit exit_group restart_syscall clock_gettime clock_gettime64 clock_getres "
    "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep gettimeofday time times getrandom "
    "getrusage getrlimit ugetrlimit sysinfo uname timer_create timer_settime timer_settime64 timer_gettime "
    "timer_gettime64 timer_getoverrun timer_delete getitimer setitimer alarm "
    /* who it is */
    "getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups "
    "getuid32 geteuid32 getgid32 getegid32 getresuid32 getresgid32 getgroups32 "
    /* signals to itself */
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 sigaltstack sigreturn sigprocmask sigaction signalfd signalfd4 pause "
    /* descriptors */
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range dup dup2 dup3 "
    "lseek _llseek poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create "
    "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 "
    "timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 pipe pipe2 sendfile "
    "sendfile64 splice fsync fdatasync flock "
    /* files, as far as Landlock lets it */
    "open openat openat2 access faccessat faccessat2 stat stat64 fstat fstat64 lstat lstat64 newfstatat "
    "fstatat64 statx statfs statfs64 fstatfs fstatfs64 readlink readlinkat getdents getdents64 getcwd "
    "fadvise64 fadvise64_64 readahead umask inotify_init inotify_init1 inotify_add_watch inotify_rm_watch "
    /* the network; which sockets: below */
    "bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown "
    "send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 ";

/* These say that it is not allowed, for whoever tries and for whoever reads the trace. */
static const char refused[] =
    "execve execveat fork vfork ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd "
    "pidfd_send_signal kill tkill mount umount2 umount pivot_root chroot unshare setns bpf perf_event_open "
    "userfaultfd io_uring_setup keyctl add_key request_key init_module finit_module delete_module kexec_load "
    "kexec_file_load reboot swapon swapoff acct quotactl settimeofday clock_settime clock_settime64 "
    "clock_adjtime adjtimex stime sethostname setdomainname syslog iopl ioperm personality setuid setgid "
    "setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset memfd_create memfd_secret "
    "open_by_handle_at mknod mknodat link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat "
    "mkdir mkdirat rmdir chmod fchmod fchmodat chown fchown lchown fchownat truncate ftruncate setxattr "
    "lsetxattr fsetxattr setpriority sched_setparam sched_setattr setsid setpgid msgget semget shmget mq_open ";

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *names)
{
  int r = 0;
  for (size_t n; r == 0 && *names; names += n + 1) { /* each ends with a space */
    char name[32];
    n = strcspn(names, " ");
    snprintf(name, sizeof(name), "%.*s", (int)n, names);
    int call = seccomp_syscall_resolve_name(name);
    if (call >= 0)
      r = seccomp_rule_add(filter, action, call, 0);
  }
  return r;
}

/* Sockets of the network, and of the kernel's own list of interfaces. Not AF_UNIX: behind those are the daemon's
 * control socket, where this user may do everything, and the services of the machine. */
static int add_sockets(scmp_filter_ctx filter)
{
  static const int families[] = {AF_INET, AF_INET6};
  int r = 0;
  for (size_t i = 0; r == 0 && i < TT_COUNT(families); i++)
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                         SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)families[i]),
                         SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
  for (size_t i = 0; r == 0 && i < TT_COUNT(families); i++)
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                         SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)families[i]),
                         SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM));
  if (r == 0) /* between threads; of datagrams one could be turned towards somebody else */
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
                         SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
  if (r == 0)
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
                         SCMP_A2_32(SCMP_CMP_EQ, 0 /* NETLINK_ROUTE */));
  return r;
}

/* Threads, not processes. Where the flags cannot be looked at (clone3) it is not there, and clone is taken. */
static int add_threads(scmp_filter_ctx filter)
{
  pid_t pid = getpid();
  int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  if (r == 0) /* abort(), pthread_kill() */
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)pid));
  if (r == 0) /* the usual policy: pools of threads insist on setting it */
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_setscheduler), 1,
                         SCMP_A1_32(SCMP_CMP_EQ, SCHED_OTHER));
  if (r == 0) /* its own limits, which are hard */
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
  return r;
}

/* Descriptors can be told to send signals, to any process of this user: not these. */
static int add_controls(scmp_filter_ctx filter)
{
  static const char *const names[] = {"fcntl", "fcntl64"};
  static const uint32_t commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL,
                                      F_SETFL, F_GETLK,         F_SETLK, F_SETLKW};
  static const struct {
    uint32_t mask, value;
  } requests[] = {
      {0xff00, 0x5400}, /* terminals and serial lines; FIONREAD, FIONBIO */
      {0xfff0, 0x8910}, {0xfff0, 0x8920}, {0xfff0, 0x8930}, {0xfff0, 0x8940}, {0xfff0, 0x8970}, /* SIOCGIF... */
  };
  int r = 0;
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    int call = seccomp_syscall_resolve_name(names[i]);
    for (size_t k = 0; call >= 0 && r == 0 && k < TT_COUNT(commands); k++)
      r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A1_32(SCMP_CMP_EQ, commands[k]));
  }
  for (size_t i = 0; r == 0 && i < TT_COUNT(requests); i++)
    r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                         SCMP_A1_32(SCMP_CMP_MASKED_EQ, requests[i].mask, requests[i].value));
  return r;
}

static int shut_calls(void)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  if (!filter)
    return -ENOMEM;
  /* What another architecture's numbers mean is not looked at: such calls end the process. */
  int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (r == 0)
    r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: polls cost the same as before */
  if (r == 0)
    r = add_names(filter, SCMP_ACT_ALLOW, permitted);
  if (r == 0)
    r = add_names(filter, SCMP_ACT_ERRNO(EPERM), refused);
  if (r == 0)
    r = add_sockets(filter);
  if (r == 0)
    r = add_threads(filter);
  if (r == 0)
    r = add_controls(filter);
  if (r == 0)
    r = seccomp_load(filter);
  seccomp_release(filter);
  return r < 0 ? r : TT_SHUT_CALLS;
}

/* ---- Rights of root, when the daemon has them ------------------------------------------------------------------ */
/* What a connection may need of them: its files, where they are somebody else's, and a listener at a low port. Not those
 * over the network, the terminal, other processes. */
#define RIGHTS_KEPT ((1u << CAP_DAC_OVERRIDE) | (1u << CAP_NET_BIND_SERVICE))

static int drop_rights(void)
{
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capget, &head, sets) < 0)
    return -errno;
  bool has_more = false;
  for (size_t i = 0; i < TT_COUNT(sets); i++) {
    uint32_t kept = i == 0 ? sets[i].permitted & RIGHTS_KEPT : 0;
    has_more |= sets[i].permitted != kept;
    sets[i] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
  }
  return has_more && syscall(SYS_capset, &head, sets) < 0 ? -errno : 0;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */
static int limit(void)
{
  const struct rlimit none = {0, 0};
  struct rlimit descriptors;
  if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &descriptors) < 0)
    return -errno;
  if (descriptors.rlim_max > DESCRIPTORS_MAX)
    descriptors.rlim_max = DESCRIPTORS_MAX;
  descriptors.rlim_cur = descriptors.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &descriptors) < 0 ? -errno : 0;
}

int tt_sandbox_enter(const struct tt_sandbox *sandbox)
{
  int r = limit();
  if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    r = -errno;
  if (r == 0)
    r = drop_rights();
  if (r < 0)
    return r;
  int files = shut_files(sandbox);
  int calls = files < 0 ? files : shut_calls();
  return calls < 0 ? calls : files | calls;
}
