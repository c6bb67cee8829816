#include "audit/identity.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/note.h"

#include <errno.h>

#define ARENA_BYTES (32u << 20) /* for one line of at most 1 MiB */

int identity_certified(const struct identity *id)
{
	char room[512];
	struct buf text = buf_fixed(room, sizeof(room));

	certificate_text(&text, str_of(id->install.id), str_of(id->session), id->public,
			 str_of(id->time));
	if (buf_error(&text) || ed25519_verify(id->install.public, buf_str(&text), id->certificate))
		return -EKEYREJECTED;
	return 0;
}

/* A member that is text of exactly @n bytes: copied with a NUL. */
static bool copy_member(const struct json *o, const char *key, char *to, size_t n)
{
	struct str s;

	if (!json_get_str(o, key, &s) || s.n != n)
		return false;
	memcpy(to, s.p, n);
	to[n] = '\0';
	return true;
}

static int session_read(const struct json *o, bool agrees, struct identity *id)
{
	struct str vkey, name, cert;
	char own[SESSION_ID + 1];
	size_t n;

	(void)copy_member(o, "session", id->session, SESSION_ID);
	if (!json_get_str(o, "session_key", &vkey) || !json_get_str(o, "certificate", &cert) ||
	    note_vkey_parse(vkey, &name, id->public) < 0)
		return -EBADMSG;
	if (base64_decode(cert, id->certificate, sizeof(id->certificate), &n) < 0 ||
	    n != ED25519_SIG)
		return -EBADMSG;
	/* what follows from the keys counts; what else the line says has to agree */
	session_id_of(id->public, own);
	(void)snprintf(id->origin, sizeof(id->origin), "%s/%s", id->install.name, own);
	memcpy(id->signer, id->origin, sizeof(id->signer));
	if (!str_eqz(name, id->origin) || strcmp(own, id->session) != 0 ||
	    memcmp(id->sid, own, LINE_SID) != 0 || !agrees) {
		memcpy(id->session, own, sizeof(own));
		return -EKEYREJECTED;
	}
	return identity_certified(id);
}

static int ledger_read(bool agrees, struct identity *id)
{
	(void)snprintf(id->origin, sizeof(id->origin), "%s/ledger", id->install.name);
	memcpy(id->signer, id->install.name, sizeof(id->install.name));
	memcpy(id->public, id->install.public, ED25519_PUBLIC);
	return !agrees || memcmp(id->sid, id->install.id, LINE_SID) ? -EKEYREJECTED : 0;
}

int identity_read(struct str line, struct identity *ret)
{
	AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_BYTES);
	const struct json *o;
	struct line_head head;
	struct str install, vkey;
	uint64_t format;
	bool agrees;

	*ret = (struct identity){ 0 };
	if (line_head_parse(line, &head) < 0 || head.seq != 0)
		return -EBADMSG;
	if (str_eqz(head.type, "ledger.genesis"))
		ret->kind = LOG_LEDGER;
	else if (!str_eqz(head.type, "genesis"))
		return -EBADMSG;
	memcpy(ret->sid, head.sid, LINE_SID);
	memcpy(ret->time, head.time, LINE_TIME);
	if (json_parse(&arena, line, &o, NULL) < 0 || !json_get_u64(o, "format", &format) ||
	    format != 1 || !json_get_str(o, "install", &install) ||
	    !json_get_str(o, "install_key", &vkey) || install_pub_parse(vkey, &ret->install) < 0)
		return -EBADMSG;
	agrees = str_eqz(install, ret->install.id);
	return ret->kind == LOG_LEDGER ? ledger_read(agrees, ret) : session_read(o, agrees, ret);
}
