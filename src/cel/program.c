#include "cel/program.h"
#include "cel/type.h"

#include <stdalign.h>
#include <stdlib.h>

/* Most programs are small: memory comes in pieces that begin small and double. */
#define CHUNK_FIRST 1024
#define CHUNK_LAST (64U * 1024)

struct cel_chunk {
	struct cel_chunk *next;
	size_t at, size;
	alignas(16) char bytes[];
};

void *cel_program_alloc(struct cel_program *program, size_t size)
{
	struct cel_chunk *chunk = program->chunks;
	void *p;

	if (size > program->bytes_max - program->bytes)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->at < size) {
		size_t want = chunk ? chunk->size * 2 : CHUNK_FIRST - sizeof(*chunk);

		if (want > CHUNK_LAST)
			want = CHUNK_LAST;
		if (want < size)
			want = size;
		chunk = calloc(1, sizeof(*chunk) + want);
		if (!chunk)
			return NULL;
		chunk->size = want;
		chunk->next = program->chunks;
		program->chunks = chunk;
	}
	p = chunk->bytes + chunk->at;
	chunk->at += size;
	program->bytes += size;
	return p;
}

struct cel_program *cel_program_free(struct cel_program *program)
{
	struct cel_chunk *chunk;

	if (!program)
		return NULL;
	for (struct cel_prepared *p = program->prepared; p; p = p->next)
		p->release(p->prepared);
	chunk = program->chunks;
	while (chunk) {
		struct cel_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	free(program);
	return NULL;
}

void cel_program_freep(struct cel_program **program)
{
	*program = cel_program_free(*program);
}

const struct cel_type *cel_program_type(const struct cel_program *program)
{
	return program->type;
}

uint64_t cel_program_cost(const struct cel_program *program)
{
	return program->cost == UINT64_MAX ? 0 : program->cost;
}

size_t cel_program_atoms(const struct cel_program *program, const struct cel_atom **ret_atoms)
{
	*ret_atoms = program->atoms;
	return program->n_atoms;
}
