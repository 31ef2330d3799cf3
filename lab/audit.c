/* SPDX-License-Identifier: MIT */
/* Audit logs of nodes; the contract is in audit.h. */
#include "lab/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/lab.h"
#include "weft/limit.h"

enum {
	LAB_AUDIT_PATH_MAX = 4096,
};

/* A disk that is full is told by what is missing, as of any log. */
static void on_line(void *arg, const char *line)
{
	FILE *out = arg;

	(void)fputs(line, out);
	(void)fputc('\n', out);
	(void)fflush(out);
}

static int refuse(char *msg, const char *path)
{
	int err = errno;

	snprintf(msg, LAB_MSG_MAX, "cannot write the audit log %.300s: %.100s", path,
		 strerror(err));
	return -err;
}

int lab_audit_start(struct lab_node *node, char *msg)
{
	const char *dir = node->lab->audit;
	char path[LAB_AUDIT_PATH_MAX];

	if (!dir || node->file->kind != LABFILE_WEFT)
		return 0;
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return refuse(msg, dir);
	errno = ENAMETOOLONG;
	if (snprintf(path, sizeof(path), "%s/%s.jsonl", dir, node->file->name) >= (int)sizeof(path))
		return refuse(msg, dir);
	node->audit = fopen(path, "we");
	if (!node->audit)
		return refuse(msg, path);
	weft_stack_audit(node->stack, WEFT_AUDIT_ALL, on_line, node->audit);
	return 0;
}

void lab_audit_stop(struct lab_node *node)
{
	if (!node->audit)
		return;
	weft_stack_audit(node->stack, 0, NULL, NULL);
	fclose(node->audit);
	node->audit = NULL;
}
