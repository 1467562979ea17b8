/* SPDX-License-Identifier: Apache-2.0
 *
 * term.h: what the terminal can show, and a paper to write on: lines with colours and columns that never grow wider
 * than it, and on which foreign text has no power over it.
 */
#pragma once

#include <thingtree/util.h>

struct tt_term {
  bool is_terminal;
  bool has_colour; /* a terminal, and NO_COLOR is not set */
  bool has_utf8;   /* by LC_ALL, LC_CTYPE, LANG */
  size_t width;    /* columns; 0: no limit */
};

/* What `fd` is. Reads the environment. */
struct tt_term tt_term_of(int fd);
/* The language of the environment as a tag: "sv_SE.UTF-8" -> "sv-SE"; "" for C and POSIX. */
const char *tt_term_language(char *out, size_t size);

enum tt_style {
  TT_STYLE_PLAIN,
  TT_STYLE_STRONG,
  TT_STYLE_DIM,
  TT_STYLE_GOOD,
  TT_STYLE_WARNING,
  TT_STYLE_BAD,
  TT_STYLE_NAME,
};

enum tt_glyph {
  TT_GLYPH_BRANCH, /* a child with more to come */
  TT_GLYPH_LAST,   /* the last child */
  TT_GLYPH_TRUNK,  /* past a child with more to come */
  TT_GLYPH_NONE,   /* past the last child */
  TT_GLYPH_GOOD,
  TT_GLYPH_WARNING,
  TT_GLYPH_BAD,
  TT_GLYPH_OFF,
  TT_GLYPH_WRITABLE,
  TT_GLYPH_ARROW,
  TT_GLYPH_NOTHING, /* no value */
};
const char *tt_glyph(const struct tt_term *term, enum tt_glyph glyph);

/* Text of others as this terminal can bear it: no control characters, nothing that turns the direction of writing,
 * ASCII where there is no UTF-8. Appends. */
void tt_term_clean(const struct tt_term *term, const char *text, struct tt_buf *out);
/* Columns that a clean text takes. */
size_t tt_term_columns(const char *text);

/* ---- Paper: text is cut at the width of the terminal, with an ellipsis --------------------------------------- */
struct tt_paper {
  struct tt_term term;
  struct tt_buf buf;
  size_t column;
  bool is_cut; /* this line is full */
};

void tt_paper_init(struct tt_paper *paper, struct tt_term term);
void tt_paper_finish(struct tt_paper *paper);
void tt_paper_put(struct tt_paper *paper, enum tt_style style, const char *text); /* cleaned; NULL: nothing */
void tt_paper_printf(struct tt_paper *paper, enum tt_style style, const char *format, ...) TT_PRINTF(3, 4);
void tt_paper_glyph(struct tt_paper *paper, enum tt_style style, enum tt_glyph glyph);
void tt_paper_lines(struct tt_paper *paper, const char *text); /* each line of it by itself, cleaned */
void tt_paper_pad(struct tt_paper *paper, size_t column);      /* blanks up to the column */
void tt_paper_end(struct tt_paper *paper);                     /* of the line */
/* Write it all to the file and begin anew. -EIO when it does not take it. */
int tt_paper_print(struct tt_paper *paper, int fd);
