// SPDX-License-Identifier: GPL-2.0-or-later
#include "labplan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "labprepare.h"
#include "rootref.h"

/* Of a machine that are looked at for changes. */
#define FILES_MAX	20000
/* The guest's side of ring3's NAT. */
#define NAT_ROUTER	2
#define NAT_RESOLVER	3

struct maker {
	struct lab *lab;
	const struct labplan_options *opt;
	struct labplan_machine *pm;
	struct r3_err *err;
};

/* ---- text ---- */

static int add(struct maker *k, const char *word)
{
	return lab_add(k->lab, &k->pm->run, word, k->err);
}

static int add_option(struct maker *k, const char *option, const char *value)
{
	int ret = value ? add(k, option) : 0;

	return ret || !value ? ret : add(k, value);
}

static int add_each(struct maker *k, const char *option, const struct lab_list *list)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < list->nr; i++)
		ret = add_option(k, option, list->item[i]);
	return ret;
}

/* ---- the root ---- */

static const char *mapped(const struct labplan_options *opt, const char *image)
{
	size_t n = strlen(image);
	unsigned int i;

	for (i = opt->nr_images; i > 0; i--)
		if (!strncmp(opt->image[i - 1], image, n) && opt->image[i - 1][n] == '=')
			return opt->image[i - 1] + n + 1;
	/* "kathara/frr" is said for "kathara/frr:latest", too. */
	for (i = opt->nr_images; i > 0; i--) {
		n = strcspn(image, ":");
		if (image[n] && !strncmp(opt->image[i - 1], image, n) && opt->image[i - 1][n] == '=')
			return opt->image[i - 1] + n + 1;
	}
	return NULL;
}

/* NULL: what ring3 run has without --root. */
static int find_root(struct maker *k, const char **root)
{
	const struct lab_machine *m = k->pm->m;

	*root = m->root;
	if (m->image) {
		*root = mapped(k->opt, m->image);
		if (!*root && k->opt->with_root)
			*root = k->opt->root;
		if (!*root)
			return lab_error(k->lab, m->at, k->err,
					 "%s has the image %s, and ring3 has no registry: say what it stands for with --image %s=ROOT, or with --root ROOT for all machines; a ROOT is what ring3 run --root takes",
					 m->name, m->image, m->image);
	}
	if (!*root)
		*root = k->opt->root;
	return 0;
}

/* That it is there, so that nothing is started for a root that is not. */
static int check_root(struct maker *k, const char *root, struct rootref *ref)
{
	char path[4096];
	struct r3_err why;

	if (rootref_parse(root, ref, &why))
		return lab_error(k->lab, k->pm->m->at, k->err, "%s: %s", k->pm->m->name, why.msg);
	snprintf(path, sizeof(path), "%s", ref->kind == ROOTREF_DISK ? root : ref->path);
	if (access(path, F_OK) && ref->kind == ROOTREF_DISK)
		path[strcspn(path, ",")] = 0;
	if (access(path, R_OK))
		return lab_error(k->lab, k->pm->m->at, k->err, "%s: the root %s cannot be read: %s", k->pm->m->name, path, strerror(errno));
	return 0;
}

/* ---- cards ---- */

static char *uplink_address(struct maker *k, const struct lab_network *net, unsigned int host)
{
	struct in_addr in = { .s_addr = htonl(net->subnet + host) };

	return lab_text(k->lab, inet_ntoa(in), k->err);
}

static int add_card(struct maker *k, const struct lab_card *card)
{
	const struct lab_network *net;
	char *text, *router = NULL, *resolver = NULL;
	const char *gateway = card->gateway;
	unsigned int i;

	if (card->network < 0)
		return add_option(k, "--net", "nat");
	net = &k->lab->network[card->network];
	text = lab_textf(k->lab, k->err, "switch:%s.%s", k->lab->name, net->name);
	for (i = 0; text && i < card->ip.nr; i++)
		text = lab_textf(k->lab, k->err, "%s,ip=%s", text, card->ip.item[i]);
	if (net->uplink) {
		router = uplink_address(k, net, NAT_ROUTER);
		resolver = uplink_address(k, net, NAT_RESOLVER);
		if (!router || !resolver)
			return k->err->code;
		gateway = gateway ?: net->gateway ?: router;
	}
	if (!gateway && net->gateway) {
		/* Who has the router's address is the router. */
		gateway = net->gateway;
		for (i = 0; i < card->ip.nr; i++)
			if (!strncmp(card->ip.item[i], gateway, strlen(gateway)) && strchr("/", card->ip.item[i][strlen(gateway)]))
				break;
		if (i < card->ip.nr)
			gateway = NULL;
	}
	if (text && gateway)
		text = lab_textf(k->lab, k->err, "%s,gw=%s", text, gateway);
	if (text && resolver)
		text = lab_textf(k->lab, k->err, "%s,dns=%s", text, resolver);
	if (text && card->mac)
		text = lab_textf(k->lab, k->err, "%s,mac=%s", text, card->mac);
	if (text && net->mtu)
		text = lab_textf(k->lab, k->err, "%s,mtu=%u", text, net->mtu);
	if (text && card->options)
		text = lab_textf(k->lab, k->err, "%s,%s", text, card->options);
	return text ? add_option(k, "--net", text) : k->err->code;
}

static int add_cards(struct maker *k)
{
	const struct lab_machine *m = k->pm->m;
	bool nat = false;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < m->nr_cards; i++) {
		ret = add_card(k, &m->card[i]);
		nat |= m->card[i].network < 0;
	}
	/* Ports lead in through a NAT of the machine's own. */
	if (!ret && m->publish.nr && !nat)
		ret = m->nr_cards == LAB_MAX_CARDS ? lab_error(k->lab, m->at, k->err, "%s has ports, which need one more card than a guest can have", m->name) :
		      add_option(k, "--net", "nat");
	if (!ret && !m->nr_cards && !m->publish.nr)
		ret = add_option(k, "--net", "none");
	return ret;
}

/* ---- the command ---- */

static int add_command(struct maker *k, enum rootref_kind kind)
{
	static const char wait[] = "while [ ! -e " LABPLAN_GO " ]; do sleep 0.05; done; exec \"$@\"";
	const struct lab_machine *m = k->pm->m;
	unsigned int i;
	int ret;

	if (!m->command.nr)
		return 0;
	ret = add(k, "--");
	/* An image's entrypoint would take our words for its own. */
	k->pm->held = kind != ROOTREF_OCI && kind != ROOTREF_DOCKER && !m->entrypoint;
	if (k->pm->held) {
		static const char *const words[] = { "sh", "-c", wait, "sh" };

		for (i = 0; !ret && i < ARRAY_SIZE(words); i++)
			ret = add(k, words[i]);
	}
	for (i = 0; !ret && i < m->command.nr; i++)
		ret = add(k, m->command.item[i]);
	return ret;
}

static int make_run(struct maker *k)
{
	const struct lab_machine *m = k->pm->m;
	const char *root;
	struct rootref ref = { .kind = ROOTREF_DISK };
	int ret;

	ret = find_root(k, &root);
	if (!ret && root)
		ret = check_root(k, root, &ref);
	if (!ret)
		ret = add_option(k, "--name", k->pm->guest);
	if (!ret)
		ret = add_option(k, "--hostname", m->hostname ? m->hostname : m->name);
	if (!ret)
		ret = add_option(k, "--root", root);
	if (!ret && m->root_ro)
		ret = add(k, "--root-ro");
	if (!ret)
		ret = add_option(k, "--kernel", m->kernel);
	if (!ret)
		ret = add_option(k, "--modules", m->modules);
	if (!ret)
		ret = add_option(k, "--mem", m->mem);
	if (!ret)
		ret = add_option(k, "--cpus", m->cpus);
	if (!ret)
		ret = add_option(k, "--cpu-limit", m->cpu_limit);
	if (!ret)
		ret = add_option(k, "--cpu-weight", m->cpu_weight);
	if (!ret)
		ret = add_option(k, "--pids-limit", m->pids);
	if (!ret)
		ret = add_option(k, "--init", m->init);
	if (!ret)
		ret = add_option(k, "--user", m->user);
	if (!ret)
		ret = add_option(k, "--cwd", m->cwd);
	if (!ret)
		ret = add_option(k, "--append", m->append);
	if (!ret)
		ret = add_option(k, "--entrypoint", m->entrypoint);
	if (!ret)
		ret = add_each(k, "--disk", &m->disk);
	if (!ret)
		ret = add_each(k, "--env", &m->env);
	if (!ret)
		ret = add_each(k, "--share", &m->share);
	if (!ret)
		ret = add_each(k, "--publish", &m->publish);
	if (!ret)
		ret = add_cards(k);
	return ret ? ret : add_command(k, ref.kind);
}

/* ---- digests ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	/* FNV-1a: it tells changes, not forgeries. */
	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t mix_list(uint64_t hash, const struct lab_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		hash = mix_text(hash, list->item[i]);
	return mix(hash, &list->nr, sizeof(list->nr));
}

#define FNV_START	0xcbf29ce484222325ull

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Names, sizes and times of a file, or of all in a folder, up to a bound. */
static uint64_t mix_files(uint64_t hash, const char *path)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	unsigned int left = FILES_MAX;
	FTSENT *e;

	while (fts && left-- && (e = fts_read(fts))) {
		if (e->fts_info == FTS_DP)
			continue;
		hash = mix_text(hash, e->fts_path);
		if (!e->fts_statp || e->fts_info == FTS_D)
			continue;
		hash = mix(hash, &e->fts_statp->st_mode, sizeof(e->fts_statp->st_mode));
		hash = mix(hash, &e->fts_statp->st_size, sizeof(e->fts_statp->st_size));
		hash = mix(hash, &e->fts_statp->st_mtim, sizeof(e->fts_statp->st_mtim));
	}
	if (fts)
		fts_close(fts);
	return hash;
}

static uint64_t digest_machine(const struct labplan *plan, const struct labplan_machine *pm)
{
	const struct lab_machine *m = pm->m;
	uint64_t hash = mix_list(FNV_START, &pm->run);
	unsigned int i;

	hash = mix_text(hash, pm->prepare);
	hash = mix_text(hash, m->shell);
	hash = mix_list(hash, &m->startup);
	hash = mix_list(hash, &m->shutdown);
	hash = mix_list(hash, &m->health.command);
	for (i = 0; i < m->nr_copies; i++)
		hash = mix_files(mix_text(mix_text(hash, m->copy[i].from), m->copy[i].to), m->copy[i].from);
	for (i = 0; i < m->nr_cards; i++)
		if (m->card[i].network >= 0)
			hash = mix(hash, &plan->network[m->card[i].network].digest, sizeof(uint64_t));
	return hash;
}

static int make_network(struct labplan *plan, unsigned int i, struct r3_err *err)
{
	struct labplan_network *pn = &plan->network[i];
	const struct lab_network *net = &plan->lab->network[i];
	struct in_addr in = { .s_addr = htonl(net->subnet) };

	pn->net = net;
	pn->name = lab_textf(plan->lab, err, "%s.%s", plan->lab->name, net->name);
	if (net->uplink)
		pn->uplink = lab_textf(plan->lab, err, "nat,ipv4=%s/%u", inet_ntoa(in), net->prefix);
	if (!pn->name || (net->uplink && !pn->uplink))
		return err->code;
	pn->digest = mix(mix_text(mix_text(FNV_START, pn->name), pn->uplink), &net->mtu, sizeof(net->mtu));
	return 0;
}

struct labplan *labplan_make(struct lab *lab, const struct labplan_options *opt, struct r3_err *err)
{
	struct labplan *plan = lab_alloc(lab, sizeof(*plan), err);
	struct maker k = { .lab = lab, .opt = opt, .err = err };
	unsigned int i;
	int ret = 0;

	if (!plan)
		return NULL;
	plan->lab = lab;
	plan->machine = lab_alloc(lab, lab->nr_machines * sizeof(plan->machine[0]), err);
	plan->network = plan->machine ? lab_alloc(lab, (lab->nr_networks + 1) * sizeof(plan->network[0]), err) : NULL;
	if (!plan->network)
		return NULL;
	for (i = 0; !ret && i < lab->nr_networks; i++)
		ret = make_network(plan, i, err);
	for (i = 0; !ret && i < lab->nr_machines; i++) {
		struct labplan_machine *pm = k.pm = &plan->machine[i];

		pm->m = &lab->machine[i];
		pm->guest = lab_textf(lab, err, "%s.%s", lab->name, pm->m->name);
		ret = pm->guest ? make_run(&k) : err->code;
		if (!ret)
			ret = labprepare(lab, pm->m, &pm->prepare, &pm->hosts, err);
		pm->digest = ret ? 0 : digest_machine(plan, pm);
	}
	return ret ? NULL : plan;
}

int labplan_check(struct labplan *plan, labplan_check_run check, struct r3_err *err)
{
	unsigned int i;
	int ret;

	for (i = 0; i < plan->lab->nr_machines; i++) {
		struct labplan_machine *pm = &plan->machine[i];
		char **argv = lab_alloc(plan->lab, (pm->run.nr + 2) * sizeof(*argv), err);
		struct r3_err why;

		if (!argv)
			return err->code;
		argv[0] = (char *)"run";
		memcpy(argv + 1, pm->run.item, pm->run.nr * sizeof(*argv));
		ret = check(pm->run.nr + 1, argv, &why);
		if (ret < 0)
			return lab_error(plan->lab, pm->m->at, err, "%s: %s", pm->m->name, why.msg);
	}
	return 0;
}
