/* SPDX-License-Identifier: Apache-2.0
 *
 * parse.h: one chat message into one command. Two grammars in one: words (`set plug on`), in every language that the gateway
 * speaks, whatever the language of the message; and the short forms of existing XMPP-IoT clients (`plug.power?`, `level:=5`). What
 * is neither stays as it is, for it may be a name (`plug on`). Knows nothing of nodes. Pure.
 */
#pragma once

#include <thingtree/util.h>

#define TT_CHAT_LINE_MAX 1024 /* bytes of a message */

enum tt_chat_verb {
  TT_CHAT_NOTHING, /* there is nothing in it but blanks and quotations */
  TT_CHAT_GREETING,
  TT_CHAT_HELP,
  TT_CHAT_LIST,
  TT_CHAT_GO,
  TT_CHAT_FIND,
  TT_CHAT_GET,
  TT_CHAT_SET,
  TT_CHAT_PARAMETERS,
  TT_CHAT_COMMANDS,
  TT_CHAT_DO,
  TT_CHAT_WATCH,
  TT_CHAT_UNWATCH,
  TT_CHAT_STATUS,
  TT_CHAT_LOG,
  /* Verbs where an address follows, or nothing: an address has an '@' or a '.' in it. */
  TT_CHAT_BLOCK,
  TT_CHAT_UNBLOCK,
  TT_CHAT_REPORT,
  TT_CHAT_PLAIN, /* no verb */
};

struct tt_chat_command {
  enum tt_chat_verb verb;
  bool is_more;                      /* "##", "??", "//" */
  bool has_value;                    /* it was written with `:=` */
  char target[TT_CHAT_LINE_MAX + 1]; /* what it is about; "" when it is not said */
  char value[TT_CHAT_LINE_MAX + 1];
};

/* -E2BIG: too long; -EINVAL: several lines, which could be several commands. Lines that begin with '>' are quotations of what was
 * said before and are left out. */
int tt_chat_parse(const char *text, struct tt_chat_command *ret);

/* Is it this English word (of a TT_TR), or what the word is in any other language? Small and capital letters are the same. */
bool tt_chat_is_word(const char *text, const char *english);
/* "on", "off" and what people say for them. False: neither. */
bool tt_chat_is_switch(const char *text, bool *ret_value);
/* "all", "everything". */
bool tt_chat_is_all(const char *text);
/* Takes a word that means nothing off the front of a value ("to 21"). */
const char *tt_chat_skip_filler(const char *text);

/* Takes one "NAME=VALUE" off the front of the text, of which it keeps what it gives. The value reaches to the next one. False: there
 * is none. */
bool tt_chat_take_argument(char **text, char **ret_name, char **ret_value);

/* The words of all verbs, in English and translated, as they are written; for "did you mean". NULL when there are no more. */
const char *tt_chat_verb_word(size_t number, const char *language);
