/* SPDX-License-Identifier: Apache-2.0
 * replay.c: runs a fuzz target over the files and directories named, as libFuzzer does with -runs=0. Each input has
 * a heap block of its exact size, so that the address sanitizer sees the first byte read beyond it. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path)
{
  struct stat st;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &st) < 0) {
    perror(path);
    exit(1);
  }
  size_t size = (size_t)st.st_size;
  uint8_t *data = malloc(size ? size : 1);
  bool is_read = data && fread(data, 1, size, file) == size;
  if (is_read)
    LLVMFuzzerTestOneInput(data, size);
  free(data);
  fclose(file);
  return is_read;
}

int main(int argc, char **argv)
{
  unsigned replayed = 0;
  for (int i = 1; i < argc; i++) {
    DIR *dir = opendir(argv[i]);
    if (!dir) {
      replayed += replay_file(argv[i]);
      continue;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
      char path[4096];
      if (entry->d_name[0] == '.')
        continue;
      snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
      replayed += replay_file(path);
    }
    closedir(dir);
  }
  printf("replayed %u inputs\n", replayed);
  return replayed == 0; /* a target without a corpus tests nothing */
}
