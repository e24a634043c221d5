// SPDX-License-Identifier: GPL-2.0-or-later
#include "labyaml.h"

#include <errno.h>

#include "labclab.h"
#include "labcompose.h"

int labyaml_read(struct lab *lab, const char *text, size_t len, yaml_getvar getvar, void *ctx, struct r3_err *err)
{
	struct ytree *tree = ytree_parse(lab->file, text, len, getvar, ctx, err);
	struct ynode *root;
	int ret;

	if (!tree)
		return err->code;
	root = ytree_root(tree);
	if (root->kind != YAML_MAP)
		ret = lab_error(lab, (struct lab_at){ root->line, root->column }, err, "a lab begins with a key, as services: or topology:");
	else if (ynode_get(root, "topology"))
		ret = labclab_read(lab, root, err);
	else
		ret = labcompose_read(lab, root, err);
	ytree_free(tree);
	return ret;
}
