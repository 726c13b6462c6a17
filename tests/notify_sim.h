/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network of NFS clients with rpcbind and status monitors, in simulated time, around one notification
 * engine. */
#ifndef NOTIFY_SIM_H
#define NOTIFY_SIM_H

#include "notify.h"

#define SIM_NAMES_MAX 64
#define SIM_STATE 77

/* One client.  Zeroed it answers at once, over UDP and TCP. */
struct sim_host {
	bool silent;
	bool no_udp;
	bool mismatch;		/* its rpcbind speaks another version */
	uint64_t registered_ms; /* before, rpcbind answers port 0 */
	uint64_t moved_ms; /* from then on the monitor is on another port, and nobody is on the old one */
	bool reused;	   /* somebody else answers on the old port, with PROG_UNAVAIL */
	uint64_t rpcbind_wait_us; /* how long its rpcbind thinks */
	uint64_t monitor_wait_us; /* how long its monitor thinks */
	struct glr_address address;
	char name[GLR_ADDRESS_TEXT_MAX];

	unsigned queries, notifies; /* packets that came in */
	uint64_t first_ms, last_ms;
	size_t heard_count;
	struct {
		size_t identifier;
		char name[GLR_ADDRESS_TEXT_MAX];
		uint32_t state;
	} heard[SIM_NAMES_MAX];
	enum glr__progress progress;
};

struct sim_event;

struct sim {
	struct glr_address identifiers[8];
	size_t identifier_count;
	const char *const *names;
	uint64_t end_ms;
	uint64_t rtt_us;
	uint64_t packet_us; /* what the server's processor spends on a packet in either direction */
	unsigned loss_percent;
	bool twice;	  /* every answer comes twice */
	size_t udp_room;  /* packets the sink takes per millisecond; 0: any number */
	bool tcp_refused; /* the sink takes no connection */
	bool refused[8];  /* identifiers for which the sink takes nothing */

	glr__notify_t *notify;
	struct sim_host *hosts;
	size_t host_count;
	uint64_t now_us;
	unsigned seed;
	uint64_t room_ms;
	size_t udp_taken;

	/* what was seen */
	unsigned packets, tcp_packets, refusals, progress_errors;
	struct glr__notify_packet kept; /* the last one sent */
	uint8_t kept_bytes[256];
	uint64_t last_send_ms;
	size_t answers, answers_max; /* on their way or unread */
	/* called for each packet sent; may be NULL */
	void (*watch)(struct sim *sim, const struct glr__notify_packet *packet);

	struct sim_event *events; /* a heap, earliest first */
	size_t event_count, event_room;
	uint64_t event_serial;
};

/* @param family AF_INET: 10.x.y.z, AF_INET6: fd00::x */
struct glr_address sim_address(sa_family_t family, uint32_t number);
/* One identifier 10.99.0.101, a window of 60 s, RTT 0.2 ms, and so many IPv4 clients. */
void sim_init(struct sim *sim, size_t host_count);
/* Makes the engine and adds every host to it. */
void sim_start(struct sim *sim);
/* Runs until nothing is left to happen, or until_ms. */
void sim_run(struct sim *sim, uint64_t until_ms);
/* An answer of four bytes (a port, to rpcbind's callers), from wherever. */
void sim_forge(struct sim *sim, uint32_t xid, size_t identifier, const struct glr_address *from,
	       uint16_t port);
/* @return XID of the last packet sent */
uint32_t sim_kept_xid(const struct sim *sim);
void sim_fini(struct sim *sim);
uint64_t sim_now_ms(const struct sim *sim);
void sim_assert_counts(const struct sim *sim, size_t told, size_t acknowledged);
/* The host has heard each name once, from each identifier of its family, in order, with the same state. */
void sim_assert_heard_once(const struct sim *sim, const struct sim_host *host, size_t name_count);

#endif
