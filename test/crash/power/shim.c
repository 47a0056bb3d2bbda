/*
 * Preloaded into the host (LD_PRELOAD): writes down, in order, what the process does to the files below POWER_DIR, so
 * that power-loss images can be built from it. It changes nothing: every call goes through, and is noted once it has
 * succeeded. An unlink of a name that holds ".mark:" is only a remark of the test, and need not succeed.
 *
 * POWER_LOG gets records: one byte what, 8 bytes file, 8 bytes offset, 8 bytes length (little endian), then that many
 * bytes. A file is named by its inode; bytes are data, or for names the path (two, separated by a NUL, for a rename).
 *
 *   O path     opened, and may be new     W data   written at offset    T        cut to offset
 *   S          fsync or fdatasync         U path   unlinked, or a mark  R paths  renamed          D path  made a folder
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t inode_of[MAX_FD]; /* 0: not one of ours */
static dev_t device;
static const char *dir;
static size_t dir_length;
static int log_fd = -1;

static void *real(const char *name) {
	void *found = dlsym(RTLD_NEXT, name);
	if (!found) abort();
	return found;
}

__attribute__((constructor)) static void start(void) {
	const char *log = getenv("POWER_LOG");
	dir = getenv("POWER_DIR");
	if (!dir || !log) return;
	dir_length = strlen(dir);
	log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
	return log_fd >= 0 && path && strncmp(path, dir, dir_length) == 0 && path[dir_length] == '/';
}

static void put(const void *bytes, size_t length) {
	while (length > 0) {
		ssize_t done = syscall(SYS_write, log_fd, bytes, length);
		if (done < 0) abort();
		bytes = (const char *)bytes + done;
		length -= done;
	}
}

static void note(char what, uint64_t inode, uint64_t offset, const void *bytes, uint64_t length) {
	char head[25];
	head[0] = what;
	memcpy(head + 1, &inode, 8);
	memcpy(head + 9, &offset, 8);
	memcpy(head + 17, &length, 8);
	int saved = errno;
	put(head, sizeof head);
	if (bytes) put(bytes, length);
	errno = saved;
}

static void note_path(char what, uint64_t inode, const char *path) { note(what, inode, 0, path, strlen(path)); }

static uint64_t inode_at(int fd) {
	struct stat about;
	if (fstat(fd, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) return 0;
	if (!device) device = about.st_dev;
	return about.st_dev == device ? about.st_ino : 0;
}

/* Between the call and its note nothing else may be noted: the log has to tell the true order. */
#define NOTED(result_type, call, then)            \
	pthread_mutex_lock(&lock);                    \
	result_type result = (call);                  \
	if (result >= 0) { then; }                    \
	pthread_mutex_unlock(&lock);                  \
	return result

/* Node closes some descriptors by a system call of its own, so a number may stand for something else by now. */
static uint64_t known(int fd) {
	if (fd < 0 || fd >= MAX_FD || !inode_of[fd]) return 0;
	if (inode_of[fd] != inode_at(fd)) inode_of[fd] = 0;
	return inode_of[fd];
}

static int opened(int fd, const char *path, int flags) {
	if (fd < 0 || fd >= MAX_FD || !ours(path) || (flags & O_DIRECTORY)) return fd;
	inode_of[fd] = inode_at(fd);
	if ((flags & O_ACCMODE) == O_RDONLY) return fd;
	note_path('O', inode_of[fd], path);
	if (flags & O_TRUNC) note('T', inode_of[fd], 0, NULL, 0);
	return fd;
}

#define OPEN(name)                                                       \
	int name(const char *path, int flags, ...) {                         \
		va_list rest;                                                    \
		va_start(rest, flags);                                           \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
		va_end(rest);                                                    \
		NOTED(int, REAL(name)(path, flags, mode), opened(result, path, flags)); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                     \
	int name(int at, const char *path, int flags, ...) {                 \
		va_list rest;                                                    \
		va_start(rest, flags);                                           \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
		va_end(rest);                                                    \
		NOTED(int, REAL(name)(at, path, flags, mode), opened(result, path, flags)); \
	}
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < MAX_FD) inode_of[fd] = 0;
	pthread_mutex_unlock(&lock);
	return REAL(close)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
	if (!known(fd)) return REAL(pwrite64)(fd, bytes, length, offset);
	NOTED(ssize_t, REAL(pwrite64)(fd, bytes, length, offset), note('W', known(fd), offset, bytes, result));
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

static uint64_t position(int fd) {
	return fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
	if (!known(fd)) return REAL(write)(fd, bytes, length);
	uint64_t offset = position(fd);
	NOTED(ssize_t, REAL(write)(fd, bytes, length), note('W', known(fd), offset, bytes, result));
}

/* Gathered writes to our files go one by one. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
	if (!known(fd)) return REAL(writev)(fd, parts, count);
	ssize_t all = 0;
	for (int i = 0; i < count; i++) {
		ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
		if (done < 0) return all ? all : done;
		all += done;
		if ((size_t)done < parts[i].iov_len) break;
	}
	return all;
}

int ftruncate64(int fd, off64_t length) {
	if (!known(fd)) return REAL(ftruncate64)(fd, length);
	NOTED(int, REAL(ftruncate64)(fd, length), note('T', known(fd), length, NULL, 0));
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
	if (!known(fd)) return REAL(fsync)(fd);
	NOTED(int, REAL(fsync)(fd), note('S', known(fd), 0, NULL, 0));
}
int fdatasync(int fd) {
	if (!known(fd)) return REAL(fdatasync)(fd);
	NOTED(int, REAL(fdatasync)(fd), note('S', known(fd), 0, NULL, 0));
}

static void note_two(const char *from, const char *to) {
	char both[2 * PATH_MAX];
	int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
	note('R', 0, 0, both, length);
}

int unlink(const char *path) {
	if (!ours(path)) return REAL(unlink)(path);
	if (strstr(path, ".mark:")) {
		pthread_mutex_lock(&lock);
		note_path('U', 0, path);
		pthread_mutex_unlock(&lock);
	}
	NOTED(int, REAL(unlink)(path), note_path('U', 0, path));
}
/* A folder with all that is in it is removed through these. */
int unlinkat(int dir, const char *name, int flags) {
	char link[64], path[PATH_MAX];
	path[0] = 0;
	if (name[0] == '/') snprintf(path, sizeof path, "%s", name);
	else if (dir != AT_FDCWD) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
		ssize_t length = readlink(link, path, sizeof path - 1);
		if (length < 0) length = 0;
		snprintf(path + length, sizeof path - length, "/%s", name);
	}
	if ((flags & AT_REMOVEDIR) || !ours(path)) return REAL(unlinkat)(dir, name, flags);
	NOTED(int, REAL(unlinkat)(dir, name, flags), note_path('U', 0, path));
}
int remove(const char *path) {
	if (!ours(path)) return REAL(remove)(path);
	NOTED(int, REAL(remove)(path), note_path('U', 0, path));
}
int rename(const char *from, const char *to) {
	if (!ours(to)) return REAL(rename)(from, to);
	NOTED(int, REAL(rename)(from, to), note_two(from, to));
}
int mkdir(const char *path, mode_t mode) {
	if (!ours(path)) return REAL(mkdir)(path, mode);
	NOTED(int, REAL(mkdir)(path, mode), note_path('D', 0, path));
}
