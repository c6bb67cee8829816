/*
 * type - the types that the checker deduces, and the compact signatures of functions.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum cel_type_kind {
	CEL_T_DYN,
	CEL_T_NULL,
	CEL_T_BOOL,
	CEL_T_INT,
	CEL_T_UINT,
	CEL_T_DOUBLE,
	CEL_T_STRING,
	CEL_T_BYTES,
	CEL_T_TIMESTAMP,
	CEL_T_DURATION,
	CEL_T_IP,
	CEL_T_CIDR,
	CEL_T_TYPE,     /* type(T): param[0], dyn when unknown */
	CEL_T_LIST,     /* param[0] */
	CEL_T_MAP,      /* param[0] -> param[1] */
	CEL_T_OPTIONAL, /* param[0] */
	CEL_T_WRAPPER,  /* nullable param[0]: google.protobuf.Int64Value and its like */
	CEL_T_RECORD,   /* @record */
	CEL_T_ABSTRACT, /* the environment's own: @name of up to 3 parameters */
	CEL_T_PARAM,    /* type parameter @name of a signature */
	CEL_T_VAR,      /* the checker's own, to be unified */
	CEL_T_ERROR,    /* a mistake was already reported here */
};

struct cel_record;

struct cel_type {
	uint8_t kind; /* enum cel_type_kind */
	bool open;    /* a parameter or a variable is somewhere in it */
	uint32_t var; /* CEL_T_VAR: its number; CEL_T_PARAM: its letter */
	const struct cel_type *param[3];
	const struct cel_record *record;
	struct str name; /* CEL_T_ABSTRACT */
};

/* Those without parameters: constants, compared by address. */
extern const struct cel_type cel_type_dyn, cel_type_null, cel_type_bool, cel_type_int,
	cel_type_uint, cel_type_double, cel_type_string, cel_type_bytes, cel_type_timestamp,
	cel_type_duration, cel_type_ip, cel_type_cidr, cel_type_error;

/*
 * A signature is text, one code per type, arguments first, then ':' and the result:
 *
 *	b bool  i int  u uint  d double  s string  y bytes  n null  t timestamp  D duration
 *	p ip  c cidr  * dyn  A B C E F G type parameters
 *	Lx list(x)  Mkv map(k, v)  Ox optional(x)  Tx type(x)  Wx nullable x  R any record
 *	@name(xyz) an abstract type of the environment
 *
 *	"ss:b"		(string, string) -> bool
 *	"LAA:b"		(list(A), A) -> bool
 *	"MABA:OB"	(map(A, B), A) -> optional(B)
 *
 * One type from *@p, which is moved past it. NULL with *@p unmoved: not a type, or no memory.
 */
const struct cel_type *cel_type_parse(struct arena *arena, const char **p);

const struct cel_type *cel_type_list(struct arena *arena, const struct cel_type *item);
const struct cel_type *cel_type_map(struct arena *arena, const struct cel_type *key,
				    const struct cel_type *value);
const struct cel_type *cel_type_of(struct arena *arena, enum cel_type_kind kind,
				   const struct cel_type *param);

bool cel_type_equal(const struct cel_type *a, const struct cel_type *b);

/*
 * The declaration of a type's name ("int", "list", "google.protobuf.Timestamp", "optional_type"):
 * its constant is of kind CEL_TYPE. NULL: none of the language's.
 */
struct cel_decl;
const struct cel_decl *cel_type_decl(struct str name);
/* That name for the type of a value: "list" for any list, the record's name for a record. */
struct str cel_type_name(const struct cel_type *type);

/* "list(map(string, dyn))", as the language writes it. */
void cel_type_print(const struct cel_type *type, struct buf *out);
