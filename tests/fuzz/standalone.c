/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a harness over its seeds, or over the files named. */
#include "fuzz.h"

#include <dirent.h>

#define INPUT_MAX (1u << 20)

static int run_file(const char *path)
{
	uint8_t *bytes = malloc(INPUT_MAX), *exact;
	FILE *file = fopen(path, "rb");
	size_t length;

	if (!file || !bytes) {
		perror(path);
		return 1;
	}
	length = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	/* Of its own size, so that what reads past the end is seen. */
	exact = malloc(length ? length : 1);
	must(exact);
	memcpy(exact, bytes, length);
	free(bytes);
	LLVMFuzzerTestOneInput(exact, length);
	free(exact);
	return 0;
}

/* @param program its name tells the harness: fuzz_NAME has its seeds in FUZZ_SEEDS/NAME */
static int run_seeds(const char *program)
{
	const char *name = strrchr(program, '_');
	char directory_path[2048], path[4096];
	struct dirent *entry;
	unsigned count = 0;
	DIR *directory;

	snprintf(directory_path, sizeof(directory_path), "%s/%s", FUZZ_SEEDS, name ? name + 1 : "");
	directory = opendir(directory_path);
	if (!directory) {
		perror(directory_path);
		return EXIT_FAILURE;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory_path, entry->d_name);
		if (run_file(path))
			return EXIT_FAILURE;
		count++;
	}
	closedir(directory);
	printf("%u seeds\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int failures = 0;

	if (argc == 1)
		return run_seeds(argv[0]);
	for (int i = 1; i < argc; i++)
		failures += run_file(argv[i]);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
