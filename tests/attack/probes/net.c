/*
 * Attacks by sockets (A6, A7, A8, C8, C15, C16, D1, D9, D23, D24).
 *
 * Listeners that must not be reached are real ones, made outside by the test.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FAMILIES(X)                                                                                \
	X(socket_alg, "A6-alg", "AF_ALG socket", "EPERM", NULL, PROBE_HOST_NET,                    \
	  socket(38, SOCK_SEQPACKET, 0))                                                           \
	X(socket_vsock, "A7-vsock", "AF_VSOCK stream", "EPERM", NULL, PROBE_HOST_NET,              \
	  socket(40, SOCK_STREAM, 0))                                                              \
	X(socket_vsock_dgram, "A7-dgram", "AF_VSOCK datagram", "EPERM", NULL, 0,                   \
	  socket(40, SOCK_DGRAM, 0))                                                               \
	X(socket_nl_usersock, "A8-usersock", "netlink usersock", "EPERM", NULL, PROBE_HOST_NET,    \
	  socket(AF_NETLINK, SOCK_RAW, 2))                                                         \
	X(socket_nl_diag, "A8-diag", "netlink sock_diag", "EPERM", NULL, PROBE_HOST_NET,           \
	  socket(AF_NETLINK, SOCK_RAW, 4))                                                         \
	X(socket_nl_xfrm, "A8-xfrm", "netlink xfrm", "EPERM", NULL, 0,                             \
	  socket(AF_NETLINK, SOCK_RAW, 6))                                                         \
	X(socket_nl_selinux, "A8-selinux", "netlink selinux", "EPERM", NULL, 0,                    \
	  socket(AF_NETLINK, SOCK_RAW, 7))                                                         \
	X(socket_nl_audit, "A8-audit", "netlink audit", "EPERM", NULL, PROBE_HOST_NET,             \
	  socket(AF_NETLINK, SOCK_RAW, 9))                                                         \
	X(socket_nl_connector, "A8-connector", "netlink connector", "EPERM", NULL, 0,              \
	  socket(AF_NETLINK, SOCK_DGRAM, 11))                                                      \
	X(socket_nl_netfilter, "A8-netfilter", "netlink netfilter", "EPERM", NULL, PROBE_HOST_NET, \
	  socket(AF_NETLINK, SOCK_RAW, 12))                                                        \
	X(socket_nl_uevent, "A8-uevent", "netlink kobject_uevent", "EPERM", NULL, PROBE_HOST_NET,  \
	  socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 15))                                         \
	X(socket_nl_generic, "A8-generic", "generic netlink", "EPERM", NULL, PROBE_HOST_NET,       \
	  socket(AF_NETLINK, SOCK_RAW, 16))                                                        \
	X(socket_nl_crypto, "A8-crypto", "netlink crypto", "EPERM", NULL, 0,                       \
	  socket(AF_NETLINK, SOCK_RAW, 21))                                                        \
	X(socket_packet, "A8-packet", "AF_PACKET raw", "EPERM", NULL, PROBE_HOST_NET,              \
	  socket(AF_PACKET, SOCK_RAW, 0x0300))                                                     \
	X(socket_packet_dgram, "A8-packet-dgram", "AF_PACKET datagram", "EPERM", NULL, 0,          \
	  socket(AF_PACKET, SOCK_DGRAM, 0x0300))                                                   \
	X(socket_inet_packet, "A8-inet-packet", "SOCK_PACKET", "EPERM", NULL, 0,                   \
	  socket(AF_INET, 10, 0x0300))                                                             \
	X(socket_xdp, "A8-xdp", "AF_XDP", "EPERM", NULL, PROBE_HOST_NET, socket(44, SOCK_RAW, 0))  \
	X(socket_bluetooth, "A8-bluetooth", "AF_BLUETOOTH", "EPERM", NULL, 0,                      \
	  socket(31, SOCK_RAW, 1))                                                                 \
	X(socket_smc, "A8-smc", "AF_SMC", "EPERM", NULL, 0, socket(43, SOCK_STREAM, 0))            \
	X(socket_key, "A8-key", "PF_KEY", "EPERM", NULL, 0, socket(15, SOCK_RAW, 2))               \
	X(socket_rds, "A8-rds", "AF_RDS", "EPERM", NULL, 0, socket(21, SOCK_SEQPACKET, 0))         \
	X(socket_tipc, "A8-tipc", "AF_TIPC", "EPERM", NULL, 0, socket(30, SOCK_STREAM, 0))         \
	X(socket_can, "A8-can", "AF_CAN", "EPERM", NULL, 0, socket(29, SOCK_RAW, 1))               \
	X(socket_kcm, "A8-kcm", "AF_KCM", "EPERM", NULL, 0, socket(41, SOCK_DGRAM, 0))             \
	X(socket_qipcrtr, "A8-qipcrtr", "AF_QIPCRTR", "EPERM", NULL, 0, socket(42, SOCK_DGRAM, 0)) \
	X(socket_raw, "A8-raw", "raw ICMP", "EPERM", NULL, PROBE_HOST_NET,                         \
	  socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))                                                 \
	X(socket_raw6, "A8-raw6", "raw ICMPv6", "EPERM", NULL, PROBE_HOST_NET,                     \
	  socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6))                                              \
	X(socket_raw_raw, "A8-rawraw", "raw IP", "EPERM", NULL, 0,                                 \
	  socket(AF_INET, SOCK_RAW, IPPROTO_RAW))                                                  \
	X(socket_mptcp, "A8-mptcp", "MPTCP", "EPERM", NULL, PROBE_HOST_NET,                        \
	  socket(AF_INET, SOCK_STREAM, 262))                                                       \
	X(socket_mptcp6, "A8-mptcp6", "MPTCP over IPv6", "EPERM", NULL, 0,                         \
	  socket(AF_INET6, SOCK_STREAM, 262))                                                      \
	X(socket_sctp, "A8-sctp", "SCTP", "EPERM", NULL, PROBE_HOST_NET,                           \
	  socket(AF_INET, SOCK_STREAM, 132))                                                       \
	X(socket_sctp_seq, "A8-sctp-seq", "SCTP one-to-many", "EPERM", NULL, 0,                    \
	  socket(AF_INET, SOCK_SEQPACKET, 132))                                                    \
	X(socket_dccp, "A8-dccp", "DCCP", "EPERM", NULL, 0, socket(AF_INET, 6, 33))                \
	X(socket_udplite, "A8-udplite", "UDP-Lite", "EPERM", NULL, 0,                              \
	  socket(AF_INET, SOCK_DGRAM, 136))                                                        \
	X(socket_l2tp, "A8-l2tp", "L2TP", "EPERM", NULL, 0, socket(AF_INET, SOCK_DGRAM, 115))      \
	X(dirty_family, "A8-packet-dirty", "AF_PACKET with dirty upper bits", "EPERM", NULL, 0,    \
	  syscall(SYS_socket, 0x100000000L | AF_PACKET, SOCK_RAW, 0x0300))                         \
	X(dirty_family_alg, "A6-alg-dirty", "AF_ALG with dirty upper bits", "EPERM", NULL, 0,      \
	  syscall(SYS_socket, 0x100000000L | 38, SOCK_SEQPACKET, 0))                               \
	X(pair_xdp, "A8-pair", "socketpair(AF_XDP)", "EPERM", NULL, 0,                             \
	  socketpair(44, SOCK_RAW, 0, (int[2]){ 0 }))
FAMILIES(PROBE_CALL)

/* The kernel looks at the low 32 bits of each argument. */
static void vsock_host(void)
{
	struct {
		uint16_t family, zero;
		uint32_t port, cid;
		uint8_t rest[4];
	} addr = { .family = 40, .port = 22, .cid = 2 };
	int fd;

	attempt();
	fd = socket(40, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		blocked(errno, "socket(AF_VSOCK)");
	verdict_reached(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "connect to the host");
}

static socklen_t unix_address(struct sockaddr_un *addr, const char *name, bool abstract)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(name) > sizeof(addr->sun_path) - 2)
		unable("the name is too long for a socket: %s", name);
	memcpy(addr->sun_path + abstract, name, strlen(name));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
}

/* Connects and says a line, or sends one datagram. */
static void unix_reach(bool abstract, int type, bool by_sendmsg)
{
	struct sockaddr_un addr;
	socklen_t len = unix_address(&addr, param("socket"), abstract);
	struct iovec iov = { (char[]){ "attack\n" }, 7 };
	struct msghdr msg = {
		.msg_name = &addr, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1
	};
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		unable("socket(AF_UNIX)");
	attempt();
	if (type == SOCK_DGRAM && by_sendmsg)
		verdict(sendmsg(fd, &msg, 0), "sendmsg");
	if (type == SOCK_DGRAM)
		verdict(sendto(fd, "attack\n", 7, 0, (struct sockaddr *)&addr, len), "sendto");
	if (connect(fd, (struct sockaddr *)&addr, len))
		blocked(errno, "connect");
	verdict(send(fd, "attack\n", 7, MSG_NOSIGNAL), "connect and send");
}

static void path_stream(void)
{
	unix_reach(false, SOCK_STREAM, false);
}

static void path_dgram(void)
{
	unix_reach(false, SOCK_DGRAM, false);
}

static void abstract_stream(void)
{
	unix_reach(true, SOCK_STREAM, false);
}

static void abstract_sendto(void)
{
	unix_reach(true, SOCK_DGRAM, false);
}

static void abstract_sendmsg(void)
{
	unix_reach(true, SOCK_DGRAM, true);
}

/* By connecting the datagram socket first: another hook in the kernel. */
static void abstract_connected(void)
{
	struct sockaddr_un addr;
	socklen_t len = unix_address(&addr, param("socket"), true);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	attempt();
	if (connect(fd, (struct sockaddr *)&addr, len))
		blocked(errno, "connect");
	verdict(send(fd, "attack\n", 7, 0), "connected datagram");
}

static socklen_t inet_address(struct sockaddr_storage *addr)
{
	struct sockaddr_in *v4 = (void *)addr;
	struct sockaddr_in6 *v6 = (void *)addr;
	const char *text = param("address");
	uint16_t port = htons((uint16_t)param_num("port"));

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		unable("not an address: %s", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	return sizeof(*v6);
}

/* Waits for a connect in progress, at most two seconds. */
static int connect_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = ETIMEDOUT;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 2000) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	return error ? -1 : 0;
}

/* Sends a datagram and waits for the answer that the listener outside gives. */
static _Noreturn void udp_ask(int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (connect(fd, (const struct sockaddr *)addr, len))
		blocked(errno, "connect");
	if (send(fd, "attack\n", 7, 0) < 0)
		blocked(errno, "send");
	if (poll(&p, 1, 1000) != 1)
		blocked(ETIMEDOUT, "no answer");
	verdict(recv(fd, &byte, 1, 0), "datagram and answer");
}

static void inet_reach(int type, int protocol, bool fast)
{
	struct sockaddr_storage addr;
	socklen_t len = inet_address(&addr);
	int fd;
	long ret;

	attempt();
	fd = socket(addr.ss_family, type | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		blocked(errno, "socket");
	if (type == SOCK_DGRAM)
		udp_ask(fd, &addr, len);
	if (fast)
		ret = sendto(fd, "attack\n", 7, MSG_FASTOPEN, (struct sockaddr *)&addr, len);
	else
		ret = connect(fd, (struct sockaddr *)&addr, len);
	if (ret < 0 && errno == EINPROGRESS)
		ret = connect_wait(fd);
	verdict(ret, fast ? "send with MSG_FASTOPEN" : "connect");
}

static void tcp_connect(void)
{
	inet_reach(SOCK_STREAM, 0, false);
}

static void tcp_fastopen(void)
{
	inet_reach(SOCK_STREAM, 0, true);
}

static void mptcp_connect(void)
{
	inet_reach(SOCK_STREAM, 262, false);
}

static void udp_send(void)
{
	inet_reach(SOCK_DGRAM, 0, false);
}

/* Give the session's namespace an address and a route: the first step of a way out. */
static void netlink_route(void)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
		struct rtattr t;
		uint32_t address;
	} req = {
		.h = { sizeof(req), RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 1, 0 },
		.a = { AF_INET, 32, 0, 0, 1 },
		.t = { 8, IFA_LOCAL },
		.address = htonl(0x0afefefe),
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[1024];
	} answer = { 0 };
	int fd;

	attempt();
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0)
		blocked(errno, "socket(NETLINK_ROUTE)");
	if (send(fd, &req, sizeof(req), 0) < 0)
		blocked(errno, "send");
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		blocked(errno, "recv");
	if (answer.h.nlmsg_type != NLMSG_ERROR)
		unable("an answer of type %d", answer.h.nlmsg_type);
	if (answer.e.error)
		blocked(-answer.e.error, "RTM_NEWADDR");
	succeeded("RTM_NEWADDR");
}

static void if_flags(void)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	attempt();
	if (fd < 0)
		blocked(errno, "socket");
	verdict(ioctl(fd, SIOCSIFFLAGS, &req), "SIOCSIFFLAGS");
}

/* Anything but lo in the namespace is a way out that nobody gave. */
static void interfaces(void)
{
	struct if_nameindex *list;

	attempt();
	list = if_nameindex();
	if (!list)
		blocked(errno, "if_nameindex");
	for (size_t i = 0; list[i].if_index; i++)
		if (strcmp(list[i].if_name, "lo") != 0)
			succeeded("there is an interface %s", list[i].if_name);
	blocked(ENODEV, "nothing but lo");
}

#define NONET "ENETUNREACH EHOSTUNREACH ECONNREFUSED EACCES EPERM EADDRNOTAVAIL"

const struct probe probes_net[] = {
	{ "A7-host", "vsock connection to CID 2", "EPERM", NULL, vsock_host, PROBE_HOST_NET },
	{ "C15-stream", "a listener's path of the host", "ENOENT EACCES EPERM", "socket",
	  path_stream, 0 },
	{ "C15-dgram", "a datagram socket's path of the host", "ENOENT EACCES EPERM", "socket",
	  path_dgram, 0 },
	{ "C16-stream", "abstract stream socket", "ECONNREFUSED EPERM", "socket", abstract_stream,
	  PROBE_HOST_NET },
	{ "C16-sendto", "abstract datagram, sendto", "ECONNREFUSED EPERM", "socket",
	  abstract_sendto, PROBE_HOST_NET },
	{ "C16-sendmsg", "abstract datagram, sendmsg", "ECONNREFUSED EPERM", "socket",
	  abstract_sendmsg, PROBE_HOST_NET },
	{ "C16-connected", "abstract datagram, connected", "ECONNREFUSED EPERM", "socket",
	  abstract_connected, PROBE_HOST_NET },
	{ "D1-tcp", "TCP connection to the host", NONET, "address port", tcp_connect, 0 },
	{ "D1-fastopen", "MSG_FASTOPEN to the host", NONET, "address port", tcp_fastopen, 0 },
	{ "D1-mptcp", "MPTCP to the host", NONET, "address port", mptcp_connect, 0 },
	{ "D1-udp", "UDP to the host", NONET, "address port", udp_send, 0 },
	{ "D24-route", "a new address by netlink", "EPERM EACCES", NULL, netlink_route,
	  PROBE_NO_CONTROL },
	{ "D24-flags", "SIOCSIFFLAGS", "EPERM EACCES", NULL, if_flags, PROBE_NO_CONTROL },
	{ "D24-interfaces", "interfaces other than lo", "ENODEV EPERM", NULL, interfaces, 0 },
	/* clang-format off */
	FAMILIES(PROBE_ROW)
	/* clang-format on */
	{ NULL },
};
