/* A fault-injecting file layer, loaded with LD_PRELOAD: counts what processes do to files below one folder and, at the
 * n-th time, kills the process (a write is left half done) or lets the call fail; a disk that is full after so many
 * bytes; a clock that is set otherwise. Children inherit it, and count in the same place.
 *
 *   FAULT_BELOW   the folder, as an absolute path without symbolic links
 *   FAULT_STATE   a file of 64 bytes: the counters (see struct state)
 *   FAULT_OPS     what counts, of: open,write,rename,sync,remove,mkdir,truncate; all of them if unset
 *   FAULT_LIKE    a pattern as in fnmatch(3) that the path below the folder must fit, if set
 *   FAULT_AT      which one; 0 or unset: none
 *   FAULT_DO      kill, or the number of an errno, which that call returns
 *   FAULT_ON      if set, so do all later ones
 *   FAULT_ROOM    bytes that can be written before every write, open for writing and mkdir says ENOSPC
 *   FAULT_TOLD    bytes that statvfs(3) says are free before the first refusal, if more: somebody else fills the disk
 *   FAULT_LOG     a file that gets a line for each operation that counts: its name and path
 *   FAULT_CLOCK   seconds to add to the time of day
 *   FAULT_THREADS threads that a process may have at a time besides its first; another one is refused
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct state {
  unsigned long count; /* operations that fit FAULT_OPS and FAULT_LIKE */
  unsigned long bytes; /* written below the folder, by whatever operation */
  unsigned long fired; /* how often a call was refused, or the process killed */
};

static struct state nowhere, *state = &nowhere;
static const char *below, *ops, *like, *act;
static size_t below_length;
static long at, on, room = -1, told, clock_offset, threads_left = LONG_MAX;
static int log_descriptor = -1;

#define NEXT(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAULT_STATE");
  if (text) {
    int descriptor = syscall(SYS_openat, AT_FDCWD, text, O_RDWR | O_CLOEXEC);
    if (descriptor >= 0) {
      void *found = mmap(0, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
      if (found != MAP_FAILED) state = found;
      syscall(SYS_close, descriptor);
    }
  }
  ops = getenv("FAULT_OPS");
  like = getenv("FAULT_LIKE");
  act = getenv("FAULT_DO");
  if ((text = getenv("FAULT_AT"))) at = atol(text);
  on = getenv("FAULT_ON") != NULL;
  if ((text = getenv("FAULT_THREADS"))) threads_left = atol(text);
  if ((text = getenv("FAULT_ROOM"))) room = atol(text);
  if ((text = getenv("FAULT_TOLD"))) told = atol(text);
  if ((text = getenv("FAULT_CLOCK"))) clock_offset = atol(text);
  if ((text = getenv("FAULT_LOG")))
    log_descriptor = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if ((text = getenv("FAULT_BELOW"))) {
    below_length = strlen(text);
    below = text;
  }
}

/* The path below the folder, or NULL if it lies elsewhere. `given` is relative to the descriptor. */
static const char *inside(int directory, const char *given, char *buffer) {
  if (!below || !given) return NULL;
  if (given[0] == '/') {
    snprintf(buffer, PATH_MAX, "%s", given);
  } else if (directory == AT_FDCWD) {
    char here[PATH_MAX];
    if (syscall(SYS_getcwd, here, sizeof here) < 0) return NULL;
    if (snprintf(buffer, PATH_MAX, "%s/%s", here, given) >= PATH_MAX) return NULL;
  } else {
    char link[64], here[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, here, sizeof here - 1);
    if (length < 0) return NULL;
    here[length] = 0;
    if (snprintf(buffer, PATH_MAX, "%s/%s", here, given) >= PATH_MAX) return NULL;
  }
  if (strncmp(buffer, below, below_length) || (buffer[below_length] != '/' && buffer[below_length])) return NULL;
  return buffer[below_length] ? buffer + below_length + 1 : buffer + below_length;
}

static const char *open_file(int descriptor, char *buffer) {
  if (!below || descriptor < 0) return NULL;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || path[0] != '/') return NULL;
  path[length] = 0;
  return inside(AT_FDCWD, path, buffer);
}

static int counts(const char *op, const char *path) {
  if (ops) {
    const char *found = strstr(ops, op);
    if (!found) return 0;
  }
  return !like || fnmatch(like, path, 0) == 0;
}

enum { PASS, REFUSE, KILL };

/* What a new file or folder takes on a full disk: it is refused as soon as nothing is left. */
#define CREATES 1

/* What is to become of an operation on a path below the folder. `size` is what it would write. */
static int judge(const char *op, const char *path, size_t size, int creates) {
  int saved = errno, verdict = PASS;
  if (counts(op, path)) {
    unsigned long number = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
    if (log_descriptor >= 0) {
      char line[PATH_MAX + 32];
      int length = snprintf(line, sizeof line, "%s %s\n", op, path);
      syscall(SYS_write, log_descriptor, line, length);
    }
    if (at && act && (on ? number >= (unsigned long)at : number == (unsigned long)at)) verdict = strcmp(act, "kill") ? REFUSE : KILL;
  }
  errno = saved;
  if (verdict != PASS) {
    __atomic_add_fetch(&state->fired, 1, __ATOMIC_SEQ_CST);
    if (verdict == REFUSE) errno = atoi(act);
    return verdict;
  }
  if (room >= 0 && (size || creates)) {
    unsigned long used = __atomic_add_fetch(&state->bytes, size, __ATOMIC_SEQ_CST);
    if (used > (unsigned long)room || (creates && used >= (unsigned long)room)) {
      __atomic_sub_fetch(&state->bytes, size, __ATOMIC_SEQ_CST);
      __atomic_add_fetch(&state->fired, 1, __ATOMIC_SEQ_CST);
      errno = ENOSPC;
      return REFUSE;
    }
  }
  return PASS;
}

static void die(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) pause();
}

#define JUDGE(op, path, size, creates, refused) \
  do { \
    int verdict_ = (path) ? judge(op, path, size, creates) : PASS; \
    if (verdict_ == KILL) die(); \
    if (verdict_ == REFUSE) return refused; \
  } while (0)

/* -- opening ------------------------------------------------------------------------------------------------------ */

static int for_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    NEXT(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    char buffer[PATH_MAX]; \
    const char *found = for_writing(flags) ? inside(AT_FDCWD, path, buffer) : NULL; \
    JUDGE("open", found, 0, (flags & O_CREAT) && faccessat(AT_FDCWD, path, F_OK, 0) ? CREATES : 0, -1); \
    return real(path, flags, mode); \
  }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
  int name(int directory, const char *path, int flags, ...) { \
    NEXT(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    char buffer[PATH_MAX]; \
    const char *found = for_writing(flags) ? inside(directory, path, buffer) : NULL; \
    JUDGE("open", found, 0, (flags & O_CREAT) && faccessat(directory, path, F_OK, 0) ? CREATES : 0, -1); \
    return real(directory, path, flags, mode); \
  }
OPENS_AT(openat)
OPENS_AT(openat64)

#define FOPENS(name) \
  FILE *name(const char *path, const char *mode) { \
    NEXT(name); \
    char buffer[PATH_MAX]; \
    const char *found = strpbrk(mode, "wa+") ? inside(AT_FDCWD, path, buffer) : NULL; \
    JUDGE("open", found, 0, faccessat(AT_FDCWD, path, F_OK, 0) ? CREATES : 0, NULL); \
    return real(path, mode); \
  }
FOPENS(fopen)
FOPENS(fopen64)

/* -- writing ------------------------------------------------------------------------------------------------------ */

#define WRITES(signature, call, half, descriptor, size) \
  signature { \
    char buffer[PATH_MAX]; \
    const char *found = open_file(descriptor, buffer); \
    int verdict = found ? judge("write", found, size, 0) : PASS; \
    if (verdict == KILL) { half; die(); } \
    if (verdict == REFUSE) return -1; \
    return call; \
  }

static ssize_t (*real_write_)(int, const void *, size_t);
static ssize_t write_(int d, const void *b, size_t n) {
  if (!real_write_) real_write_ = dlsym(RTLD_NEXT, "write");
  return real_write_(d, b, n);
}
static ssize_t pwrite_(int d, const void *b, size_t n, off_t o) { return syscall(SYS_pwrite64, d, b, n, o); }

WRITES(ssize_t write(int d, const void *b, size_t n), write_(d, b, n), write_(d, b, n / 2), d, n)
WRITES(ssize_t pwrite(int d, const void *b, size_t n, off_t o), pwrite_(d, b, n, o), pwrite_(d, b, n / 2, o), d, n)
WRITES(ssize_t pwrite64(int d, const void *b, size_t n, off64_t o), pwrite_(d, b, n, o), pwrite_(d, b, n / 2, o), d, n)

/* What a copy within the kernel has before it: no more than is left of its source. */
static size_t left_of(int source, const off64_t *offset, size_t n) {
  struct stat about;
  off64_t from = offset ? *offset : lseek(source, 0, SEEK_CUR);
  if (from < 0 || fstat(source, &about) || about.st_size < from) return 0;
  return (size_t)(about.st_size - from) < n ? (size_t)(about.st_size - from) : n;
}
static size_t total(const struct iovec *parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += parts[i].iov_len;
  return sum;
}
WRITES(ssize_t writev(int d, const struct iovec *v, int c), syscall(SYS_writev, d, v, c), syscall(SYS_writev, d, v, c / 2), d,
       total(v, c))
WRITES(ssize_t sendfile(int d, int s, off_t *o, size_t n), syscall(SYS_sendfile, d, s, o, n),
       syscall(SYS_sendfile, d, s, o, left_of(s, o, n) / 2), d, left_of(s, o, n))
WRITES(ssize_t sendfile64(int d, int s, off64_t *o, size_t n), syscall(SYS_sendfile, d, s, o, n),
       syscall(SYS_sendfile, d, s, o, left_of(s, o, n) / 2), d, left_of(s, o, n))
WRITES(ssize_t copy_file_range(int s, off64_t *so, int d, off64_t *o, size_t n, unsigned f),
       syscall(SYS_copy_file_range, s, so, d, o, n, f), syscall(SYS_copy_file_range, s, so, d, o, left_of(s, so, n) / 2, f),
       d, left_of(s, so, n))

/* TensorFlow's files: stdio, whose writes inside the C library cannot be seen. */
size_t fwrite(const void *b, size_t size, size_t n, FILE *file) {
  NEXT(fwrite);
  char buffer[PATH_MAX];
  const char *found = open_file(fileno(file), buffer);
  int verdict = found ? judge("write", found, size * n, 0) : PASS;
  if (verdict == KILL) { real(b, size, n / 2, file); fflush(file); die(); }
  if (verdict == REFUSE) return 0;
  return real(b, size, n, file);
}

/* -- names -------------------------------------------------------------------------------------------------------- */

int rename(const char *from, const char *to) {
  NEXT(rename);
  char buffer[PATH_MAX];
  JUDGE("rename", inside(AT_FDCWD, to, buffer), 0, 0, -1);
  return real(from, to);
}
int renameat(int f, const char *from, int t, const char *to) {
  NEXT(renameat);
  char buffer[PATH_MAX];
  JUDGE("rename", inside(t, to, buffer), 0, 0, -1);
  return real(f, from, t, to);
}
int link(const char *from, const char *to) {
  NEXT(link);
  char buffer[PATH_MAX];
  JUDGE("rename", inside(AT_FDCWD, to, buffer), 0, 0, -1);
  return real(from, to);
}
int unlink(const char *path) {
  NEXT(unlink);
  char buffer[PATH_MAX];
  JUDGE("remove", inside(AT_FDCWD, path, buffer), 0, 0, -1);
  return real(path);
}
int unlinkat(int directory, const char *path, int flags) {
  NEXT(unlinkat);
  char buffer[PATH_MAX];
  JUDGE("remove", inside(directory, path, buffer), 0, 0, -1);
  return real(directory, path, flags);
}
int rmdir(const char *path) {
  NEXT(rmdir);
  char buffer[PATH_MAX];
  JUDGE("remove", inside(AT_FDCWD, path, buffer), 0, 0, -1);
  return real(path);
}
int mkdir(const char *path, mode_t mode) {
  NEXT(mkdir);
  char buffer[PATH_MAX];
  JUDGE("mkdir", inside(AT_FDCWD, path, buffer), 0, CREATES, -1);
  return real(path, mode);
}
int mkdirat(int directory, const char *path, mode_t mode) {
  NEXT(mkdirat);
  char buffer[PATH_MAX];
  JUDGE("mkdir", inside(directory, path, buffer), 0, CREATES, -1);
  return real(directory, path, mode);
}

/* -- lengths and durability --------------------------------------------------------------------------------------- */

#define SYNCS(name) \
  int name(int descriptor) { \
    NEXT(name); \
    char buffer[PATH_MAX]; \
    JUDGE("sync", open_file(descriptor, buffer), 0, 0, -1); \
    return real(descriptor); \
  }
SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name, type) \
  int name(int descriptor, type length) { \
    NEXT(name); \
    char buffer[PATH_MAX]; \
    JUDGE("truncate", open_file(descriptor, buffer), 0, 0, -1); \
    return real(descriptor, length); \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

/* -- free space and time ------------------------------------------------------------------------------------------ */

#define TELLS_SPACE(name, type) \
  int name(const char *path, struct type *space) { \
    NEXT(name); \
    char buffer[PATH_MAX]; \
    int answer = real(path, space); \
    if (!answer && room >= 0 && inside(AT_FDCWD, path, buffer)) { \
      unsigned long used = state->bytes, left = used < (unsigned long)room ? (unsigned long)room - used : 0; \
      if (!state->fired && told > (long)left) left = told; \
      space->f_bavail = space->f_bfree = left / (space->f_frsize ? space->f_frsize : 1); \
    } \
    return answer; \
  }
TELLS_SPACE(statvfs, statvfs)
TELLS_SPACE(statvfs64, statvfs64)

int clock_gettime(clockid_t which, struct timespec *now) {
  NEXT(clock_gettime);
  int answer = real(which, now);
  if (!answer && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += clock_offset;
  return answer;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  NEXT(gettimeofday);
  int answer = real(now, zone);
  if (!answer) now->tv_sec += clock_offset;
  return answer;
}
time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

/* -- threads ------------------------------------------------------------------------------------------------------ */

struct work {
  void *(*function)(void *);
  void *argument;
};

/* Runs a thread's function and gives its place back, as the end of a thread does in the kernel's count. */
static void *run_and_release(void *given) {
  struct work work = *(struct work *)given;
  free(given);
  void *result = work.function(work.argument);
  __atomic_add_fetch(&threads_left, 1, __ATOMIC_SEQ_CST);
  return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
  NEXT(pthread_create);
  struct work *work = malloc(sizeof *work);
  if (!work) return EAGAIN;
  if (__atomic_sub_fetch(&threads_left, 1, __ATOMIC_SEQ_CST) < 0) {
    __atomic_add_fetch(&threads_left, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&state->fired, 1, __ATOMIC_SEQ_CST);
    free(work);
    return EAGAIN;
  }
  *work = (struct work){function, argument};
  int result = real(thread, attributes, run_and_release, work);
  if (result) {
    __atomic_add_fetch(&threads_left, 1, __ATOMIC_SEQ_CST);
    free(work);
  }
  return result;
}
