/*
 * format - '%s is %.2f'.format([...]), and the text of a value as %s writes it.
 *
 * Verbs: %s any value; %d integers (and infinities, NaN); %f and %e numbers, with a precision of at
 * most 1000 digits ("%.3f", 6 when not given); %b integers and bools, %o integers, %x and %X
 * integers, text and bytes; %% a percent sign. Nothing else: no flags, no widths.
 */
#pragma once

#include "cel/fn.h"
#include "cel/text.h"

struct cel_value cel_format(struct cel_eval *eval, struct str format, struct cel_value list);
