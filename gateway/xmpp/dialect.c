/* SPDX-License-Identifier: Apache-2.0
 *
 * dialect.c: the vocabularies as tables, one row per concept. Sources: XEP-0323, 0325, 0326; P1451.99 sensor data,
 * control, concentrator. Where text and schema of these disagree, the schema's spelling is written and both are
 * read.
 */
#include "dialect.h"

/* The head of a stanza without its addresses, id and language; and processing hints. */
#define HEAD_ROOM 512

#define NAMESPACES_N(generation)                                                                                   \
  {                                                                                                                \
    "urn:" generation ":iot:sd:1.0", "urn:" generation ":iot:ctr:1.0", "urn:" generation ":iot:concentrator:1.0",  \
        "urn:" generation ":iot:events:1.0",                                                                       \
  }

const struct tt_dialect tt_dialects[TT_DIALECT_COUNT] = {
    {TT_VOCABULARY_X,
     {"urn:xmpp:iot:sensordata", "urn:xmpp:iot:control", "urn:xmpp:iot:concentrators", "urn:xmpp:iot:events"}},
    {TT_VOCABULARY_N, NAMESPACES_N("nf")},
    {TT_VOCABULARY_N, NAMESPACES_N("nfi")},
    {TT_VOCABULARY_N, NAMESPACES_N("ieee")},
};

/* What tt_router_add_features() wants: a list per subject that ends with NULL. */
#define FEATURES_N(generation)                                                                                     \
  {                                                                                                                \
    {"urn:" generation ":iot:sd:1.0", NULL}, {"urn:" generation ":iot:ctr:1.0", NULL},                             \
        {"urn:" generation ":iot:concentrator:1.0", NULL}, {"urn:" generation ":iot:events:1.0", NULL},            \
  }
static const char *const features[TT_DIALECT_COUNT][TT_SUBJECT_COUNT][2] = {
    {{"urn:xmpp:iot:sensordata", NULL},
     {"urn:xmpp:iot:control", NULL},
     {"urn:xmpp:iot:concentrators", NULL},
     {"urn:xmpp:iot:events", NULL}},
    FEATURES_N("nf"),
    FEATURES_N("nfi"),
    FEATURES_N("ieee"),
};

/* clang-format off */
static const char *const words[TT_WORD_COUNT][TT_VOCABULARY_COUNT] = {
    [TT_WORD_NODE]             = {"node",            "nd"},
    [TT_WORD_NODE_ID]          = {"nodeId",          "id"},
    [TT_WORD_SOURCE]           = {"sourceId",        "src"},
    [TT_WORD_PARTITION]        = {"cacheType",       "pt"},
    [TT_WORD_PARENT_PARTITION] = {"parentCacheType", "parentPartition"},
    [TT_WORD_SERVICE_TOKEN]    = {"serviceToken",    "st"},
    [TT_WORD_DEVICE_TOKEN]     = {"deviceToken",     "dt"},
    [TT_WORD_USER_TOKEN]       = {"userToken",       "ut"},
    [TT_WORD_REQUEST_ID]       = {"seqnr",           "id"},
    [TT_WORD_FIELD]            = {"field",           "f"},
    [TT_WORD_FIELDS]           = {"fields",          "resp"},
    [TT_WORD_TIMESTAMP]        = {"timestamp",       "ts"},
    [TT_WORD_NAME]             = {"name",            "n"},
    [TT_WORD_VALUE]            = {"value",           "v"},
    [TT_WORD_TIME_VALUE]       = {"value",           "v"},
    [TT_WORD_UNIT]             = {"unit",            "u"},
    [TT_WORD_ENUM_TYPE]        = {"dataType",        "t"},
    [TT_WORD_WRITABLE]         = {"writable",        "ctr"},
    [TT_WORD_MIN_INTERVAL]     = {"minInterval",     "minInt"},
    [TT_WORD_MAX_INTERVAL]     = {"maxInterval",     "maxInt"},
    [TT_WORD_CURRENT_VALUE]    = {"currentValue",    "v"},
    [TT_WORD_CHANGED_BY]       = {"changedBy",       "by"},
    [TT_WORD_CHANGED_UP]       = {"changedUp",       "up"},
    [TT_WORD_CHANGED_DOWN]     = {"changedDown",     "dn"},
    [TT_WORD_SET_RESPONSE]     = {"setResponse",     "resp"},
    [TT_WORD_PARAMETER]        = {"parameter",       "p"},
    [TT_WORD_NODE_INFO]        = {"node",            "nodeInfo"},
    [TT_WORD_BOOL]             = {"value",           "bool"},
};

static const char *const field_elements[TT_TYPE_COUNT][TT_VOCABULARY_COUNT] = {
    [TT_TYPE_BOOLEAN]  = {"boolean",  "b"},
    [TT_TYPE_INT32]    = {"numeric",  "i"},
    [TT_TYPE_INT64]    = {"numeric",  "l"},
    [TT_TYPE_QUANTITY] = {"numeric",  "q"},
    [TT_TYPE_STRING]   = {"string",   "s"},
    [TT_TYPE_DATE]     = {"date",     "d"},
    [TT_TYPE_DATETIME] = {"dateTime", "dt"},
    [TT_TYPE_TIME]     = {"time",     "t"},
    [TT_TYPE_DURATION] = {"duration", "dr"},
    [TT_TYPE_ENUM]     = {"enum",     "e"},
};

static const struct {
  unsigned flag;
  const char *word[TT_VOCABULARY_COUNT];
} categories[] = {
    {TT_CATEGORY_MOMENTARY,  {"momentary",       "m"}},
    {TT_CATEGORY_PEAK,       {"peak",            "p"}},
    {TT_CATEGORY_STATUS,     {"status",          "s"}},
    {TT_CATEGORY_COMPUTED,   {"computed",        "c"}},
    {TT_CATEGORY_IDENTITY,   {"identity",        "i"}},
    {TT_CATEGORY_HISTORICAL, {"historicalOther", "h"}},
}, requested[] = { /* in requests only, beside those above */
    {TT_CATEGORY_ALL,        {"all",               "all"}},
    {TT_CATEGORY_HISTORICAL, {"historical",        NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalSecond",  NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalMinute",  NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalHour",    NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalDay",     NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalWeek",    NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalMonth",   NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalQuarter", NULL}},
    {TT_CATEGORY_HISTORICAL, {"historicalYear",    NULL}},
    {TT_CATEGORY_IDENTITY,   {"identification",    NULL}}, /* an example of the XEP writes it so */
}, qualities[] = {
    {TT_QOS_MISSING,            {"missing",           "ms"}},
    {TT_QOS_IN_PROGRESS,        {"inProgress",        "pr"}},
    {TT_QOS_AUTOMATIC_ESTIMATE, {"automaticEstimate", "ae"}},
    {TT_QOS_MANUAL_ESTIMATE,    {"manualEstimate",    "me"}},
    {TT_QOS_MANUAL_READOUT,     {"manualReadout",     "mr"}},
    {TT_QOS_AUTOMATIC_READOUT,  {"automaticReadout",  "ar"}},
    {TT_QOS_TIME_OFFSET,        {"timeOffset",        "of"}},
    {TT_QOS_WARNING,            {"warning",           "w"}},
    {TT_QOS_ERROR,              {"error",             "er"}},
    {TT_QOS_SIGNED,             {"signed",            "so"}},
    {TT_QOS_INVOICED,           {"invoiced",          "iv"}},
    {TT_QOS_END_OF_SERIES,      {"endOfSeries",       "eos"}},
    {TT_QOS_POWER_FAILURE,      {"powerFailure",      "pf"}},
    {TT_QOS_INVOICE_CONFIRMED,  {"invoiceConfirmed",  "ic"}},
};

static const struct {
  enum tt_type type;
  const char *word[TT_VOCABULARY_COUNT];
} parameters[] = {
    {TT_TYPE_BOOLEAN,  {"boolean",  "b"}},
    {TT_TYPE_INT32,    {"int",      "i"}},
    {TT_TYPE_INT64,    {"long",     "l"}},
    {TT_TYPE_QUANTITY, {"double",   "db"}},
    {TT_TYPE_STRING,   {"string",   "s"}},
    {TT_TYPE_STRING,   {"color",    "cl"}}, /* six or eight hexadecimal digits */
    {TT_TYPE_DATE,     {"date",     "d"}},
    {TT_TYPE_DATETIME, {"dateTime", "dt"}},
    {TT_TYPE_TIME,     {"time",     "t"}},
    {TT_TYPE_DURATION, {"duration", "dr"}},
    {TT_TYPE_ENUM,     {"enum",     "e"}}, /* X has no such element and writes `string` */
};

static const char *const codes[TT_REFUSAL_COUNT] = {
    [TT_OK]                    = "OK",
    [TT_REFUSED_NOT_FOUND]     = "NotFound",
    [TT_REFUSED_FORBIDDEN]     = "InsufficientPrivileges",
    [TT_REFUSED_BAD_REQUEST]   = "FormError",
    [TT_REFUSED_CONFLICT]      = "Locked",
    [TT_REFUSED_NOT_SUPPORTED] = "NotImplemented",
    [TT_REFUSED_TIMEOUT]       = "OtherError",
    [TT_REFUSED_DEVICE]        = "OtherError",
    [TT_REFUSED_BUSY]          = "OtherError",
    [TT_REFUSED_TOO_LARGE]     = "OtherError",
};
/* clang-format on */

const char *tt_word(const struct tt_dialect *dialect, enum tt_word word)
{
  return words[word][dialect->vocabulary];
}

void tt_word_attr(struct tt_writer *w, const struct tt_dialect *dialect, enum tt_word word, const char *value)
{
  tt_write_attr(w, tt_word(dialect, word), value);
}

bool tt_dialect_field_has_unit(const struct tt_dialect *dialect, enum tt_type type, const char *unit)
{
  return tt_value_is_number(type) && (dialect->vocabulary == TT_VOCABULARY_X || *unit);
}

const char *tt_dialect_field_element(const struct tt_dialect *dialect, enum tt_type type, bool has_unit)
{
  if (has_unit && (type == TT_TYPE_INT32 || type == TT_TYPE_INT64))
    type = TT_TYPE_QUANTITY;
  return field_elements[type][dialect->vocabulary];
}

void tt_dialect_write_flags(struct tt_writer *w, const struct tt_dialect *dialect, unsigned category_flags,
                            unsigned qos)
{
  for (size_t i = 0; i < TT_COUNT(categories); i++)
    if (category_flags & categories[i].flag)
      tt_write_attr_bool(w, categories[i].word[dialect->vocabulary], true);
  for (size_t i = 0; i < TT_COUNT(qualities); i++)
    if (qos & qualities[i].flag)
      tt_write_attr_bool(w, qualities[i].word[dialect->vocabulary], true);
}

unsigned tt_dialect_categories(const struct tt_dialect *dialect, const struct tt_xml *request)
{
  unsigned flags = 0;
  for (size_t i = 0; i < TT_COUNT(categories); i++)
    flags |= tt_xml_bool(request, categories[i].word[dialect->vocabulary], false) ? categories[i].flag : 0;
  for (size_t i = 0; i < TT_COUNT(requested); i++) {
    const char *word = requested[i].word[dialect->vocabulary];
    flags |= word && tt_xml_bool(request, word, false) ? requested[i].flag : 0;
  }
  return flags;
}

enum tt_type tt_dialect_parameter_type(const struct tt_dialect *dialect, const char *element)
{
  for (size_t i = 0; i < TT_COUNT(parameters); i++)
    if (strcmp(parameters[i].word[dialect->vocabulary], element) == 0)
      return parameters[i].type;
  return TT_TYPE_NONE;
}

bool tt_dialect_is_color(const struct tt_dialect *dialect, const char *element)
{
  return !strcmp(element, dialect->vocabulary == TT_VOCABULARY_X ? "color" : "cl");
}

const char *tt_refusal_code(enum tt_refusal refusal)
{
  return codes[refusal];
}

struct tt_caller tt_dialect_caller(const struct tt_dialect *dialect, const struct tt_iq *iq)
{
  struct tt_caller caller = iq->caller;
  caller.service_token = tt_xml_attr(iq->payload, tt_word(dialect, TT_WORD_SERVICE_TOKEN));
  caller.device_token = tt_xml_attr(iq->payload, tt_word(dialect, TT_WORD_DEVICE_TOKEN));
  caller.user_token = tt_xml_attr(iq->payload, tt_word(dialect, TT_WORD_USER_TOKEN));
  return caller;
}

static const char *or_empty(const char *text)
{
  return text ? text : "";
}

int tt_dialect_ref(const struct tt_dialect *dialect, const struct tt_xml *element, struct tt_ref *ret)
{
  const char *node = tt_xml_attr(element, tt_word(dialect, TT_WORD_NODE_ID));
  if (!node || !*node)
    return -EINVAL;
  *ret = (struct tt_ref){
      .node = node,
      .source = or_empty(tt_xml_attr(element, tt_word(dialect, TT_WORD_SOURCE))),
      .partition = or_empty(tt_xml_attr(element, tt_word(dialect, TT_WORD_PARTITION))),
  };
  return 0;
}

int tt_dialect_refs(const struct tt_dialect *dialect, const struct tt_xml *element, struct tt_arena *arena,
                    const struct tt_ref **ret_refs, size_t *ret_n)
{
  const char *name = tt_word(dialect, TT_WORD_NODE);
  size_t n = 0;
  TT_XML_FOREACH(child, element)
    n += strcmp(child->name, name) == 0 && strcmp(child->ns, element->ns) == 0;
  struct tt_ref *refs = NULL;
  if (n > 0) {
    refs = tt_arena_alloc(arena, n * sizeof(*refs));
    if (!refs)
      return -ENOMEM;
  }
  size_t i = 0;
  TT_XML_FOREACH(child, element) {
    if (strcmp(child->name, name) != 0 || strcmp(child->ns, element->ns) != 0)
      continue;
    int r = tt_dialect_ref(dialect, child, &refs[i++]);
    if (r < 0)
      return r;
  }
  *ret_refs = refs;
  *ret_n = n;
  return 0;
}

int tt_dialect_request_refs(const struct tt_dialect *dialect, const struct tt_iq *iq, struct tt_arena *arena,
                            const struct tt_ref **ret_refs, size_t *ret_n)
{
  int r = tt_dialect_refs(dialect, iq->payload, arena, ret_refs, ret_n);
  if (r < 0 || *ret_n > 0 || !iq->thing)
    return r;
  const struct tt_ref thing = {iq->thing->key, iq->thing->source, iq->thing->partition};
  const struct tt_ref *refs = tt_arena_memdup(arena, &thing, sizeof(thing));
  if (!refs)
    return -ENOMEM;
  *ret_refs = refs;
  *ret_n = 1;
  return 0;
}

static bool is_int32(const char *text)
{
  int64_t number;
  return text[strspn(text, "+-0123456789")] == '\0' && tt_int64_parse(text, &number) == 0 && number >= INT32_MIN &&
         number <= INT32_MAX;
}

const char *tt_dialect_request_id(const struct tt_dialect *dialect, const struct tt_xml *request)
{
  const char *id = tt_xml_attr(request, tt_word(dialect, TT_WORD_REQUEST_ID));
  bool is_number = dialect->vocabulary == TT_VOCABULARY_X;
  return id && *id && strlen(id) <= TT_REQUEST_ID_MAX && (!is_number || is_int32(id)) ? id : NULL;
}

void tt_dialect_write_ref(struct tt_writer *w, const struct tt_dialect *dialect, const char *key,
                          const char *source, const char *partition)
{
  tt_word_attr(w, dialect, TT_WORD_NODE_ID, key);
  tt_word_attr(w, dialect, TT_WORD_SOURCE, source && *source ? source : NULL);
  tt_word_attr(w, dialect, TT_WORD_PARTITION, partition && *partition ? partition : NULL);
}

int tt_dialect_advertise(struct tt_router *router, enum tt_subject subject)
{
  unsigned advertised = tt_router_config(router)->dialects;
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++) {
    if (!(advertised & 1u << i))
      continue;
    int r = tt_router_add_features(router, features[i][subject]);
    if (r < 0)
      return r;
  }
  return 0;
}

static size_t escaped_length(const char *text)
{
  TT_AUTOBUF struct tt_buf buf = TT_BUF(0);
  if (text)
    tt_xml_escape(&buf, text);
  return buf.len;
}

size_t tt_dialect_room(const struct tt_iq *iq)
{
  size_t max = tt_router_config(iq->router)->stanza_max, learned = tt_session_stanza_max(iq->session);
  max = learned < max ? learned : max;
  size_t head = HEAD_ROOM + escaped_length(iq->caller.jid) + escaped_length(iq->caller.local) +
                escaped_length(iq->caller.language) + escaped_length(iq->id);
  return max > head ? max - head : 1; /* 0 would be no limit */
}
