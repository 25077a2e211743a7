package front

import (
	"context"
	"net"
	"net/http"
	"time"
)

// endingKey is where a request finds the context that ends with the server.
type endingKey struct{}

// Server is a server for the handler whose clients can't hold it up: each has so long
// for its headers, its body and to read the answer. Streams are not bounded by that,
// and end when Shutdown begins.
func Server(h http.Handler) *http.Server {
	ending, end := context.WithCancel(context.Background())
	s := &http.Server{
		Handler: h, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 90 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), endingKey{}, ending)
		},
	}
	s.RegisterOnShutdown(end)
	return s
}
