/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.h: the incoming side of an XMPP stream: bytes -> header, stanzas, end. One expat parser; refuses what RFC
 * 6120 section 11.1 forbids (DTD, comments, processing instructions) and everything over the limits of xml.h. No
 * I/O: the owner feeds it. One thread at a time.
 */
#pragma once

#include "xml.h"

#define TT_XML_NS_MAX 1024 /* bytes of a namespace name: expat copies it for every element that is in it */

struct tt_stream;

struct tt_stream_ops {
  /* The stream's start tag; `header` is valid during the call. NULL: there is no stream around the stanzas, the
   * document is one stanza. */
  void (*header)(void *user, const struct tt_xml *header);
  /* A whole stanza, taken over by the callee. "jabber:component:accept" reads "jabber:client" in it, so that
   * nobody behind has to know two. */
  void (*stanza)(void *user, struct tt_xml_doc *doc);
  /* The stream's end tag. */
  void (*closed)(void *user);
};

/* NULL: out of memory. The stream must not be destroyed from within a callback. */
struct tt_stream *tt_stream_create(const struct tt_stream_ops *ops, void *user);
void tt_stream_destroy(struct tt_stream *stream);
/* Callbacks come from within. -EBADMSG: not XML, or XML that has no place here; -E2BIG: over a limit; -ENOMEM. After
 * an error it refuses more. */
int tt_stream_feed(struct tt_stream *stream, const char *data, size_t n);
/* No callback comes after this, also when called from within one. */
void tt_stream_stop(struct tt_stream *stream);
/* What was wrong, for people; "" while nothing was. */
const char *tt_stream_error(const struct tt_stream *stream);
