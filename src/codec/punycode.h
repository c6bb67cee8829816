/*
 * punycode - a label of an international domain name in ASCII (RFC 3492 section 6.3).
 *
 * The encoding alone: characters are taken as they are, upper case is not folded (but for ASCII's).
 */
#pragma once

#include "base/str.h"

#define PUNYCODE_LABEL_MAX 63 /* bytes of a label in the DNS */

/*
 * @label, which is UTF-8, to @out of PUNYCODE_LABEL_MAX bytes: its length, with "xn--" in front when
 * there was anything beyond ASCII, in lower case. 0: empty, not UTF-8 or too long.
 */
size_t punycode_label(struct str label, char *out);
