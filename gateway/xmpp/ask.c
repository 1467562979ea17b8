/* SPDX-License-Identifier: Apache-2.0
 * ask.c: questions that are open. */
#include "ask.h"

#include "router_private.h"

#include <stdio.h>
#include <strings.h>
#include <utlist.h>

#define ID_PREFIX "ask-"

struct tt_asking {
  struct tt_asking *prev, *next; /* in order of their deadlines */
  struct tt_session *session;
  char id[32];
  uint64_t due_us;
  tt_ask_fn fn;
  void *user;
  char to[]; /* "": our server */
};

int tt_ask(struct tt_router *router, struct tt_session *session, const struct tt_question *question, tt_ask_fn fn,
           void *user)
{
  const char *to = question->to ? question->to : "";
  size_t n = strlen(to) + 1;
  struct tt_asking *asking = router->n_asking < TT_ASKS_MAX ? calloc(1, sizeof(*asking) + n) : NULL;
  if (!asking) {
    free(question->payload);
    return router->n_asking < TT_ASKS_MAX ? -ENOMEM : -EBUSY;
  }
  *asking = (struct tt_asking){.session = session, .fn = fn, .user = user};
  asking->due_us = tt_core_now(router->config.core).mono_us + TT_ASK_TIMEOUT_US;
  memcpy(asking->to, to, n);
  /* Nobody can answer who has not seen the question. */
  uint64_t secret;
  tt_random(&secret, sizeof(secret));
  snprintf(asking->id, sizeof(asking->id), ID_PREFIX "%016llx", (unsigned long long)secret);
  int r = tt_session_send(session, &(struct tt_out){.kind = TT_OUT_IQ,
                                                    .class = TT_OUT_ANSWER,
                                                    .type = question->is_set ? "set" : "get",
                                                    .from = question->from,
                                                    .to = question->to,
                                                    .id = asking->id,
                                                    .payload = question->payload});
  if (r < 0) {
    free(asking);
    return r;
  }
  DL_APPEND(router->asking, asking);
  router->n_asking++;
  return 0;
}

static void end(struct tt_router *router, struct tt_asking *asking, const struct tt_xml *answer)
{
  DL_DELETE(router->asking, asking);
  router->n_asking--;
  if (asking->fn)
    asking->fn(asking->user, answer);
  free(asking);
}

/* Our server answers for itself: without `from`, or as the bare address of our account, or (a component's) as its domain. */
static bool is_from(const struct tt_asking *asking, const struct tt_xml *answer, const struct tt_origin *origin)
{
  const char *from = tt_xml_attr(answer, "from");
  if (*asking->to)
    return from && !strcasecmp(from, asking->to);
  return !from || origin->is_our_account;
}

bool tt_router_answered(struct tt_router *router, struct tt_session *session, const struct tt_xml *answer,
                        const struct tt_origin *origin)
{
  const char *id = tt_xml_attr(answer, "id");
  struct tt_asking *asking;
  DL_FOREACH(router->asking, asking) {
    if (id && asking->session == session && !strcmp(asking->id, id) && is_from(asking, answer, origin)) {
      end(router, asking, answer);
      return true;
    }
  }
  return false;
}

void tt_router_unanswered(struct tt_router *router, const struct tt_session *session)
{
  for (struct tt_asking *asking = router->asking, *next; asking; asking = next) {
    next = asking->next;
    if (asking->session == session)
      end(router, asking, NULL);
  }
}

uint64_t tt_router_turn(struct tt_router *router, uint64_t mono_us)
{
  while (router->asking && router->asking->due_us <= mono_us)
    end(router, router->asking, NULL);
  uint64_t due = router->asking ? router->asking->due_us : TT_NEVER;
  uint64_t contacts = tt_contacts_turn(router->contacts, mono_us);
  return contacts < due ? contacts : due;
}

void tt_router_drop_asking(struct tt_router *router)
{
  for (struct tt_asking *asking = router->asking, *next; asking; asking = next) {
    next = asking->next;
    free(asking);
  }
  router->asking = NULL;
}

void tt_ask_forget(struct tt_router *router, const void *user)
{
  struct tt_asking *asking;
  DL_FOREACH(router->asking, asking) {
    if (asking->user == user)
      asking->fn = NULL;
  }
}

const char *tt_answer_condition(const struct tt_xml *answer)
{
  const struct tt_xml *error = tt_xml_child(answer, "error", NULL);
  TT_XML_FOREACH(child, error ? error : answer) {
    if (error && !strcmp(child->ns, TT_NS_STANZAS) && strcmp(child->name, "text"))
      return child->name;
  }
  return NULL;
}
