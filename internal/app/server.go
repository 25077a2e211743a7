package app

import (
	"context"
	"crypto/tls"
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

// Certificate is what a server proves itself with; the zero value speaks plain HTTP.
type Certificate struct{ CertFile, KeyFile string }

// listenAt listens at once, so that an address in use is an error at start.
func listenAt(addr, flag string, serving *http.Server, by Certificate, log *slog.Logger) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w: choose another address with %s", addr, err, flag)
	}
	if by.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(by.CertFile, by.KeyFile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reading the certificate of the UI: %w: correct --tls-cert and --tls-key", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	return &server{listener: l, log: log, http: serving}, nil
}

// newServer is the server of health, metrics and webhooks.
func newServer(addr string, log *slog.Logger, metrics prometheus.Gatherer, hooks *webhook.Handler, ready func() error) (*server, error) {
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
	mux.Handle("/", hookRoutes(hooks))
	return listenAt(addr, "--listen", &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
	}, Certificate{}, log)
}

// hookRoutes are the addresses that Git hosts and registries call.
func hookRoutes(hooks *webhook.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/webhook", hooks.Any())
	mux.Handle("/api/webhook", hooks.Any()) // where Argo CD's is configured at Git hosts
	mux.Handle("/hook/", hooks.Receivers()) // Flux's
	return mux
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
