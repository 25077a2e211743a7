package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fixpoint-cd/fixpoint/internal/webhook"
)

// server is the controller's HTTP side: health, metrics, webhooks.
type server struct {
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
}

// newServer listens at once, so that an address in use is an error at start.
func newServer(addr string, log *slog.Logger, metrics prometheus.Gatherer, hooks *webhook.Handler, ready func() error) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w: choose another address with --listen", addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.Handle("/webhook", hooks.Any())
	mux.Handle("/api/webhook", hooks.Any()) // where Argo CD's is configured at Git hosts
	mux.Handle("/hook/", hooks.Receivers()) // Flux's
	return &server{listener: l, log: log, http: &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
	}}, nil
}

// Run serves until ctx ends.
func (s *server) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(s.listener) }()
	s.log.Info("listening", "addr", s.listener.Addr().String())
	select {
	case err := <-done:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(stop)
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
