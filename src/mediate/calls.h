/*
 * calls - one handler for each trapped call: private to src/mediate. Each answers its call, or leaves it held.
 */
#pragma once

struct call;
struct mediator;

typedef void call_fn(struct mediator *m, struct call *call);
call_fn call_open, call_openat, call_openat2, call_creat;
call_fn call_unlink, call_unlinkat, call_rmdir, call_mkdir, call_mkdirat, call_mknod, call_mknodat;
call_fn call_umask;
call_fn call_rename, call_renameat, call_renameat2, call_link, call_linkat, call_symlink,
	call_symlinkat;

call_fn call_truncate, call_chmod, call_fchmod, call_fchmodat, call_fchmodat2;
call_fn call_chown, call_lchown, call_fchown, call_fchownat;
call_fn call_utime, call_utimes, call_futimesat, call_utimensat;
call_fn call_setxattr, call_lsetxattr, call_fsetxattr, call_removexattr, call_lremovexattr,
	call_fremovexattr, call_attr_newer;

call_fn call_execve, call_execveat;
call_fn call_connect, call_bind, call_listen, call_sendto, call_sendmsg, call_sendmmsg;
