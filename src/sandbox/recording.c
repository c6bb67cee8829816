#include "sandbox/recording.h"

#include <errno.h>
#include <stdio.h>

int recording_plan(struct recording *recording, const struct policy *policy,
		   struct wall_command *command, struct err *err)
{
	if (policy->record != POLICY_RECORD_ALL)
		return 0;
	if (recorder_new(&recording->recorder, recording->not_by_kernel) < 0)
		return err_set(err, ENOMEM, "cannot record");
	command->group_fd = recorder_group_fd(recording->recorder);
	return 0;
}

void recording_describe(const struct recording *recording, struct json_wr *w,
			const struct policy *policy)
{
	static const char *const name[] = { [POLICY_RECORD_INVOCATIONS] = "invocations",
					    [POLICY_RECORD_SECURITY] = "security",
					    [POLICY_RECORD_ALL] = "all" };

	json_key(w, "recording");
	json_object(w);
	json_key(w, "level");
	json_strz(w, name[policy->record]);
	if (recording->recorder) {
		json_key(w, "by");
		json_strz(w, recorder_how_name[recorder_how(recording->recorder)]);
	}
	if (recording->recorder && recording->not_by_kernel[0]) {
		json_key(w, "not_ebpf");
		json_strz(w, recording->not_by_kernel);
	}
	json_end_object(w);
}

static const char *executing(void *owner)
{
	return wall_trying(((struct recording *)owner)->wall);
}

int recording_start(struct recording *recording, struct wall *wall, struct audit_log *log,
		    struct loop *loop, void (*notice)(const char *text), struct err *err)
{
	struct recorder_session session = {
		.log = log,
		.loop = loop,
		.group = wall_group(wall),
		.init = wall_init(wall),
		.executing = executing,
		.executing_owner = recording,
	};
	char text[RECORDER_WHY_MAX + 256];
	int r = recording->recorder ? wall_listen(wall, err) : 0;

	if (!recording->recorder || r < 0)
		return r;
	recording->wall = wall;
	session.command = wall_command(wall);
	if (notice && recorder_how(recording->recorder) == RECORDER_PTRACE) {
		(void)snprintf(text, sizeof(text),
			       "every system call is recorded by ptrace, which is slow and keeps "
			       "debuggers in the session from working; the kernel cannot do it: %s",
			       recording->not_by_kernel);
		notice(text);
	}
	return recorder_start(recording->recorder, &session, err);
}

static int stop_heard(void *owner, pid_t tid, int status)
{
	return recorder_stopped(owner, tid, status);
}

void recording_share(const struct recording *recording, struct mediate_options *options)
{
	if (!recording->recorder || recorder_how(recording->recorder) != RECORDER_PTRACE)
		return;
	options->stopped = stop_heard;
	options->stopped_owner = recording->recorder;
}

int recording_fd(const struct recording *recording)
{
	return recording->recorder ? recorder_fd(recording->recorder) : -EBADF;
}

int recording_finish(struct recording *recording, struct err *err)
{
	return recording->recorder ? recorder_finish(recording->recorder, err) : 0;
}

void recording_done(struct recording *recording)
{
	recording->recorder = recorder_free(recording->recorder);
}
