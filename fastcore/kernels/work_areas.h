/* Work areas of AREA_BYTES that lie ready, so that no chunk waits for fresh pages of memory: malloc
   and free alone cost 5 % of a large matrix product. A chunk takes one and puts it back; who finds
   none allocates, who finds no place frees. take_area returns NULL where there is no memory. */
#ifndef DIPTYCH_AREAS_H
#define DIPTYCH_AREAS_H

#include <stdlib.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define EXCHANGE(place, value) _InterlockedExchangePointer((void *volatile *)(place), value)
#else
#define EXCHANGE(place, value) __atomic_exchange_n(place, value, __ATOMIC_ACQ_REL)
#endif

enum { AREAS = 64 };
static void *areas[AREAS];

static void *take_area(void) {
    for (int i = 0; i < AREAS; i++) {
        void *area = areas[i] ? EXCHANGE(&areas[i], NULL) : NULL;
        if (area) return area;
    }
    return malloc(AREA_BYTES);
}

static void give_area(void *area) {
    for (int i = 0; i < AREAS && area; i++)
        if (!areas[i]) area = EXCHANGE(&areas[i], area);
    free(area);
}

#endif
