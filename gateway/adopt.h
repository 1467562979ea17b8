/* SPDX-License-Identifier: Apache-2.0
 *
 * adopt.h: a candidate becomes a device: a file of its own in a directory that the configuration includes, and nothing
 * else. What a candidate says of itself is only ever quoted text in it. Main thread.
 */
#pragma once

#include "discover.h"
#include "reload.h"

struct tt_adoption {
  /* What is asked; texts are the caller's. */
  const struct tt_caller *caller;
  const char *candidate, *as, *under; /* as, under: NULL */
  const char *uses;                   /* the mapping; NULL: the one that is proposed */
  struct tt_given with;               /* parameters, which are only text as well; none of them may be a secret */
  bool is_dry;
  /* What came of it. */
  char key[TT_NODE_KEY_MAX + 1];
  char file[4096];    /* relative to thingtree.yaml */
  struct tt_buf text; /* the file; finish it */
  struct tt_buf diagnostics;
  const char *code; /* of the error: "not-found", "conflict", "failed"; NULL: none */
  char why[1024];
};

struct tt_adopter {
  const struct tt_config_env *env; /* how the configuration is loaded */
  struct tt_discoverer *discoverer;
  struct tt_reloader *reloader;
  int (*note)(void *user, const struct tt_adoption *adoption, const struct tt_found *found,
              const char *mapping); /* audit */
  void *user;
};

/* Always gives an outcome, in `adoption`. */
void tt_adopt(const struct tt_adopter *adopter, struct tt_adoption *adoption);
void tt_adoption_finish(struct tt_adoption *adoption);

/* ---- Pure ------------------------------------------------------------------------------------------------------- */
/* A text as YAML in double quotes, which is this text and nothing else, whoever reads it: what is not plainly printable is
 * escaped, and where holes are filled (`has_holes`; not in the keys of devices) ${ is written so that nobody fills it. */
void tt_yaml_quote(struct tt_buf *out, const char *text, bool has_holes);
/* A key for a device made of a foreign text: small letters, digits and hyphens, never empty. */
void tt_adopt_key(char *out, size_t size, const char *text);
/* The file that adopts it. */
void tt_adopt_text(struct tt_buf *out, const char *key, const char *under, const struct tt_found *found,
                   const struct tt_mapping_config *mapping, const struct tt_given *with);
