package e2e

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire is the network between a browser and a server: it can be slow, and be cut.
type wire struct {
	listener net.Listener
	delay    atomic.Int64 // of each direction, in nanoseconds
	opened   atomic.Int64 // connections
	turns    atomic.Int64 // times that a client spoke after the server had
	received atomic.Int64 // bytes that came from the server

	mu    sync.Mutex
	to    string
	isCut bool
	ends  map[net.Conn]bool
}

// newWire leads to the address.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, to: to, ends: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		wg.Wait()
	})
	return w
}

func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

// cut ends all connections, and new ones at once.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.ends {
		_ = c.Close()
	}
}

// mend lets connections through again.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

// lead has new connections lead to another address.
func (w *wire) lead(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

func (w *wire) target() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to
}

// hold remembers an end of a connection; false if the wire is cut.
func (w *wire) hold(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isCut {
		w.ends[c] = true
	}
	return !w.isCut
}

func (w *wire) release(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ends, c)
	_ = c.Close()
}

func (w *wire) carry(client net.Conn) {
	defer w.release(client)
	if !w.hold(client) {
		return
	}
	server, err := net.Dial("tcp", w.target())
	if err != nil {
		return
	}
	defer w.release(server)
	if !w.hold(server) {
		return
	}
	w.opened.Add(1)
	var serverSpoke atomic.Bool
	serverSpoke.Store(true) // the first request is a turn, too
	var wg sync.WaitGroup
	wg.Go(func() {
		w.pass(server, client, func(int) {
			if serverSpoke.Swap(false) {
				w.turns.Add(1)
			}
		})
		_ = server.Close()
	})
	wg.Go(func() {
		w.pass(client, server, func(n int) {
			serverSpoke.Store(true)
			w.received.Add(int64(n))
		})
		_ = client.Close()
	})
	wg.Wait()
}

// piece is some data, and when it arrives.
type piece struct {
	data []byte
	at   time.Time
}

// pass carries data from one end to the other, each piece later by the delay.
func (w *wire) pass(to io.Writer, from io.Reader, note func(int)) {
	under := make(chan piece, 4096)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range under {
			if d := time.Until(p.at); d > 0 {
				time.Sleep(d)
			}
			if _, err := to.Write(p.data); err != nil {
				break
			}
		}
		for range under { // what is left goes nowhere
		}
	})
	for {
		data := make([]byte, 16<<10)
		n, err := from.Read(data)
		if n > 0 {
			note(n)
			under <- piece{data[:n], time.Now().Add(time.Duration(w.delay.Load()))}
		}
		if err != nil {
			break
		}
	}
	close(under)
	wg.Wait()
}
