package front

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// record is what an answer has been so far.
type record struct {
	http.ResponseWriter
	status int
	bytes  int64
	reader string
}

// WriteHeader is that of http.ResponseWriter.
func (a *record) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write is that of http.ResponseWriter.
func (a *record) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// FlushError is what http.ResponseController calls.
func (a *record) FlushError() error { return http.NewResponseController(a.ResponseWriter).Flush() }

// Flush is that of http.Flusher.
func (a *record) Flush() { _ = a.FlushError() }

// Unwrap is for http.ResponseController.
func (a *record) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// noteReader tells the log who the reader is.
func noteReader(w http.ResponseWriter, name string) {
	for {
		if a, ok := w.(*record); ok {
			a.reader = name
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = inner.Unwrap()
	}
}

// logged notes each request when it is over. Queries are left out, and what follows
// /hook/: both may have tokens.
func (d *door) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := &record{ResponseWriter: w}
		defer func() {
			d.Log.Debug("request", "method", r.Method, "path", loggable(r.URL.Path), "status", a.status,
				"bytes", a.bytes, "took", time.Since(began), "who", a.reader, "from", d.client(r).String())
		}()
		next.ServeHTTP(a, r)
	})
}

func loggable(path string) string {
	if strings.HasPrefix(path, "/hook/") {
		return "/hook/…"
	}
	return path
}

// recovering makes of a panic the failure of its request alone.
func (d *door) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &record{ResponseWriter: w}
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				d.panicked(a, r, cause)
			}
		}()
		next.ServeHTTP(a, r)
	})
}

func (d *door) panicked(a *record, r *http.Request, cause any) {
	var id [6]byte
	_, _ = rand.Read(id[:])
	name := hex.EncodeToString(id[:])
	d.Log.Error("a request has failed", "id", name, "method", r.Method, "path", loggable(r.URL.Path),
		"err", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if a.status != 0 {
		panic(http.ErrAbortHandler) // it is half written: the client has to notice
	}
	refuse(a, r, failed(name))
}
