/*
 * path - the path of a URL in the one form that rules see and servers get.
 *
 * A rule on /admin/ is worth nothing while /x/../admin/, //admin/, /%61dmin/ or /admin;x/ reach the same, so
 * rules are asked about the canonical path and that very path is sent on. (RFC 3986 section 6.2.2; what
 * servers make of the rest is known from their advisories: ATTACKS D16.)
 *
 *	made		%61 is a; %2b is %2B: unreserved characters and :@!$&'()*,= bare, others encoded
 *			/a/./b is /a/b, /a/b/../c is /a/c, /a/.. is /
 *			//a///b is /a/b
 *			characters that may not stand bare (" < > [ ] ^ ` { | }) are encoded
 *	refused		\ and %5c; %2f unless PATH_SLASHES; ';' unless PATH_PARAMS; %00 and other control
 *			characters, bare spaces; % without two digits; bytes or %XX that are not UTF-8, overlong forms with
 *			them; /.. above the root; a dot segment with parameters (/..;/); %25 before the
 *			code of . / \ ; or a control character (also as %2525...), for servers that decode twice
 *	kept		the case of letters, %20, %3B, %2B and bare '+', '/' at the end
 *
 * What is canonical stays as it is when it is made canonical again.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>

#define PATH_MAX_BYTES 8192 /* of a path, canonical or not */

/* What a policy knows the server to mean well, host by host. */
enum path_allow {
	/*
	 * Encoded slashes are part of a segment and stay "%2F", as npm (/@scope%2fname) and GitLab have
	 * them; but not where they would make an empty or dot segment if decoded. Rules should then be
	 * asked a second time, with path_slashes().
	 */
	PATH_SLASHES = 1,
	PATH_PARAMS = 2, /* ";a=b" behind the name of a segment */
};

enum path_error {
	PATH_OK,
	PATH_E_FORM, /* does not begin with '/', or has a '?' or '#' */
	PATH_E_LONG,
	PATH_E_PERCENT, /* without two hexadecimal digits */
	PATH_E_CONTROL,
	PATH_E_BACKSLASH,
	PATH_E_SLASH,
	PATH_E_PARAM,
	PATH_E_UTF8,
	PATH_E_ABOVE,  /* .. above the root */
	PATH_E_DOUBLE, /* encoded twice */
	PATH_ERROR_N
};

/*
 * @path, without a query, to @out of PATH_MAX_BYTES bytes; *@ret_n of them. @out may not be @path's
 * memory. @allow: enum path_allow, or 0.
 */
enum path_error path_canon(struct str path, unsigned allow, char *out, size_t *ret_n);

/* Of a canonical path: are there encoded slashes? Decodes them in place; the new length. */
size_t path_slashes(char *path, size_t n, bool *ret_any);

/* "a backslash in the path"; never NULL. */
const char *path_error_text(enum path_error error);
