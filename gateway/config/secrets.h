/* SPDX-License-Identifier: Apache-2.0
 *
 * secrets.h: passwords and keys. Read from files made for them or from the environment, kept apart from everything
 * else, wiped at the end, never printed. Main thread.
 */
#pragma once

#include <thingtree/diag.h>

#define TT_CREDENTIAL_MAX (64 * 1024) /* bytes of one credential */

struct tt_secrets;

/* `base` is the directory of thingtree.yaml, `credentials` the --credentials DIR (NULL: none). NULL: no memory. */
struct tt_secrets *tt_secrets_create(const char *base, const char *credentials);
void tt_secrets_destroy(struct tt_secrets *secrets); /* wipes */

/* The credential NAME: $CREDENTIALS_DIRECTORY/NAME, else DIR/NAME, else credentials/NAME beside thingtree.yaml, where
 * it first exists; without its last newline. Refused when others may read it, unless systemd has put it there.
 * -EINVAL: said in `diags`; -ENOMEM. */
int tt_secrets_credential(struct tt_secrets *secrets, struct tt_diags *diags, struct tt_mark at, const char *name,
                          const char **ret_text);
/* The environment variable NAME. Likewise. */
int tt_secrets_env(struct tt_secrets *secrets, struct tt_diags *diags, struct tt_mark at, const char *name,
                   const char **ret_text);
/* A text that holds a secret: a copy that is wiped at the end. NULL: no memory. */
const char *tt_secrets_keep(struct tt_secrets *secrets, const char *text, size_t n);
/* A secret that stands elsewhere (written into the file itself) and is to be wiped at the end, too. -ENOMEM */
int tt_secrets_note(struct tt_secrets *secrets, const char *text);
/* Every secret that is in the text of n bytes becomes "***", so that no sentence about a value shows it; one of less
 * than TT_SECRET_SHORT bytes only where it stands alone between quotes. The new length. */
#define TT_SECRET_SHORT 4
size_t tt_secrets_star(const struct tt_secrets *secrets, char *text, size_t n);
