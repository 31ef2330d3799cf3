// SPDX-License-Identifier: MIT

// gVisor's netstack as a peer: two of its stacks in this process, joined by a link of its own, and
// one TCP connection between them.
//
//	gvisor_bench bulk|rr SECONDS LINK MTU
//
// LINK is how the stacks are joined:
//
//	pipe       its link/pipe: packets are delivered in the sender's call, checksums computed
//	pipe-gso   the same with what its link/fdbased offers besides: checksum offload, host GSO of 64 KiB
//	channel    its link/channel, and a goroutine each way that carries packets across
//	channel-gso  the same with checksum offload and host GSO of 32 KiB, which is that link's size
//
// The figures are those of weft_bench: bulk moves 128 KiB a call, rr a byte there and back with
// TCP_NODELAY. Prints a line of JSON with the fields of meter.h.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	bulkBytes    = 128 * 1024 // the application's buffer
	bufferMax    = 8 << 20    // twice the largest that netstack comes with
	benchPort    = 5001
	nic          = 1
	gsoBytes     = 1<<16 - 1
	channelDepth = 1024
	warmup       = 300 * time.Millisecond
	client       = tcpip.Address("\x0a\x00\x00\x01")
	server       = tcpip.Address("\x0a\x00\x00\x02")
)

// What the receiving application counts.
var nBytes, nOps uint64

func die(what string, why interface{}) {
	fmt.Fprintf(os.Stderr, "gvisor_bench: %s: %v\n", what, why)
	os.Exit(1)
}

// tcpip.Error is an interface whose nil is what says that all went well.
func must(err tcpip.Error, what string) {
	if err != nil {
		die(what, err)
	}
}

// A pipe that takes super-packets and leaves checksums out, as a device with offloads does.
type offloadPipe struct{ *pipe.Endpoint }

func (offloadPipe) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
}

func (offloadPipe) GSOMaxSize() uint32 { return gsoBytes }

func (offloadPipe) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// Carries packets from one channel to the other for ever.
func carry(from, to *channel.Endpoint) {
	for {
		pkt := from.ReadContext(context.Background())
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: pkt.ToBuffer()})
		to.InjectInbound(pkt.NetworkProtocolNumber, in)
		in.DecRef()
		pkt.DecRef()
	}
}

func newLinks(kind string, mtu uint32) (stack.LinkEndpoint, stack.LinkEndpoint) {
	switch kind {
	case "pipe", "pipe-gso":
		a, b := pipe.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", mtu)
		if kind == "pipe" {
			return a, b
		}
		return offloadPipe{a}, offloadPipe{b}
	case "channel", "channel-gso":
		a, b := channel.New(channelDepth, mtu, ""), channel.New(channelDepth, mtu, "")
		if kind == "channel-gso" {
			for _, end := range []*channel.Endpoint{a, b} {
				end.SupportedGSOKind = stack.HostGSOSupported
				end.LinkEPCapabilities = stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
			}
		}
		go carry(a, b)
		go carry(b, a)
		return a, b
	}
	die(kind, "no such link")
	return nil, nil
}

func newStack(link stack.LinkEndpoint, addr tcpip.Address) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	sack, moderate, cubic := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true), tcpip.CongestionControlOption("cubic")
	rcv := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: bufferMax / 2, Max: bufferMax}
	snd := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: bufferMax / 2, Max: bufferMax}
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &moderate, &cubic, &rcv, &snd} {
		must(s.SetTransportProtocolOption(tcp.ProtocolNumber, option), "option")
	}
	must(s.CreateNIC(nic, link), "interface")
	must(s.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: addr, PrefixLen: 24},
	}, stack.AddressProperties{}), "address")
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return s
}

// An endpoint, and how to wait for it.
type conn struct {
	ep       tcpip.Endpoint
	readable chan struct{}
	writable chan struct{}
}

func newConn(ep tcpip.Endpoint, wq *waiter.Queue) *conn {
	c := &conn{ep: ep}
	in, readable := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp)
	out, writable := waiter.NewChannelEntry(waiter.WritableEvents | waiter.EventHUp)
	c.readable, c.writable = readable, writable
	wq.EventRegister(&in)
	wq.EventRegister(&out)
	return c
}

func (c *conn) read(buf []byte) int {
	for {
		dst := tcpip.SliceWriter(buf)
		got, err := c.ep.Read(&dst, tcpip.ReadOptions{})
		if err == nil {
			return got.Count
		}
		if _, ok := err.(*tcpip.ErrWouldBlock); !ok {
			die("read", err)
		}
		<-c.readable
	}
}

func (c *conn) write(r *bytes.Reader) {
	for r.Len() > 0 {
		_, err := c.ep.Write(r, tcpip.WriteOptions{})
		if err == nil {
			continue
		}
		if _, ok := err.(*tcpip.ErrWouldBlock); !ok {
			die("write", err)
		}
		<-c.writable
	}
}

func connect(s *stack.Stack) *conn {
	var wq waiter.Queue
	ep, err := s.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	must(err, "socket")
	ep.SocketOptions().SetDelayOption(false)
	c := newConn(ep, &wq)
	if err = ep.Connect(tcpip.FullAddress{Addr: server, Port: benchPort}); err != nil {
		if _, ok := err.(*tcpip.ErrConnectStarted); !ok {
			die("connect", err)
		}
		<-c.writable
		must(ep.LastError(), "connect")
	}
	return c
}

// Returns a channel on which the accepted connection comes.
func listen(s *stack.Stack) chan *conn {
	var wq waiter.Queue
	accepted := make(chan *conn, 1)
	ep, err := s.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	must(err, "socket")
	must(ep.Bind(tcpip.FullAddress{Port: benchPort}), "bind")
	must(ep.Listen(1), "listen")
	listener := newConn(ep, &wq)
	go func() {
		for {
			peer, peerWq, err := ep.Accept(nil)
			if err == nil {
				peer.SocketOptions().SetDelayOption(false)
				accepted <- newConn(peer, peerWq)
				return
			}
			<-listener.readable
		}
	}()
	return accepted
}

func send(c *conn, n int) {
	buf := bytes.Repeat([]byte("w"), n)
	r := bytes.NewReader(buf)
	for {
		r.Reset(buf)
		c.write(r)
	}
}

func receive(c *conn) {
	buf := make([]byte, bulkBytes)
	for {
		atomic.AddUint64(&nBytes, uint64(c.read(buf)))
	}
}

func echo(c *conn) {
	buf := make([]byte, 1)
	r := bytes.NewReader(buf)
	for c.read(buf) == 1 {
		r.Reset(buf)
		c.write(r)
	}
}

func roundTrips(c *conn) {
	buf := make([]byte, 1)
	r := bytes.NewReader(buf)
	for {
		r.Reset(buf)
		c.write(r)
		c.read(buf)
		atomic.AddUint64(&nOps, 1)
	}
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		die("getrusage", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func measure(figure string, window time.Duration) {
	if warmup < window {
		time.Sleep(warmup)
	} else {
		time.Sleep(window)
	}
	start, cpu := time.Now(), cpuSeconds()
	bytes, ops := atomic.LoadUint64(&nBytes), atomic.LoadUint64(&nOps)
	time.Sleep(window)
	bytes, ops = atomic.LoadUint64(&nBytes)-bytes, atomic.LoadUint64(&nOps)-ops
	took, cpu := time.Since(start).Seconds(), cpuSeconds()-cpu
	value := float64(ops) / took
	if figure == "bulk" {
		value = float64(bytes) * 8 / 1e9 / took
	}
	if value == 0 {
		die(figure, "nothing was received")
	}
	fmt.Printf("{\"value\": %.6g, \"cpu_s\": %.4f, \"bytes\": %d, \"ops\": %d, \"seconds\": %.4f, \"cpu_s_by\": {\"gvisor\": %.4f}}\n",
		value, cpu, bytes, ops, took, cpu)
}

func main() {
	if len(os.Args) != 5 || (os.Args[1] != "bulk" && os.Args[1] != "rr") {
		fmt.Fprintln(os.Stderr, "usage: gvisor_bench bulk|rr SECONDS pipe|pipe-gso|channel|channel-gso MTU")
		os.Exit(2)
	}
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil || !(seconds > 0 && seconds <= 3600) {
		die(os.Args[2], "not a number of seconds")
	}
	mtu, err := strconv.ParseUint(os.Args[4], 10, 16)
	if err != nil {
		die(os.Args[4], "not an MTU")
	}
	a, b := newLinks(os.Args[3], uint32(mtu))
	accepted := listen(newStack(b, server))
	c := connect(newStack(a, client))
	peer := <-accepted
	if os.Args[1] == "bulk" {
		go send(c, bulkBytes)
		go receive(peer)
	} else {
		go echo(peer)
		go roundTrips(c)
	}
	measure(os.Args[1], time.Duration(seconds*float64(time.Second)))
}
