package argoapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// code is one of gRPC's, which Argo CD's clients know.
type code int

// Those that occur.
const (
	invalidArgument    code = 3
	deadlineExceeded   code = 4
	notFound           code = 5
	permissionDenied   code = 7
	resourceExhausted  code = 8
	failedPrecondition code = 9
	unimplemented      code = 12
	internal           code = 13
	unavailable        code = 14
	unauthenticated    code = 16
)

// statuses are the HTTP statuses that gRPC's gateway makes of codes.
var statuses = map[code]int{
	invalidArgument: 400, deadlineExceeded: 504, notFound: 404, permissionDenied: 403, resourceExhausted: 429,
	failedPrecondition: 400, unimplemented: 501, internal: 500, unavailable: 503, unauthenticated: 401,
}

// refusal is an error as clients get it.
type refusal struct {
	code code
	text string
	// status is that of HTTP; 0 is that of the code.
	status int
	// after is how many seconds later it is worth to try again; 0 is not known.
	after int
}

func (r refusal) Error() string { return r.text }

func (r refusal) http() int {
	if r.status != 0 {
		return r.status
	}
	return statuses[r.code]
}

func invalid(format string, args ...any) error {
	return refusal{code: invalidArgument, text: fmt.Sprintf(format, args...)}
}

// forbidden is what Argo CD says of an app that is missing, or that the reader may not
// get.
var forbidden = refusal{code: permissionDenied, text: "permission denied"}

// kinds are tried in their order: the first that an error is of counts.
var kinds = []struct {
	err  error
	code code
}{
	{view.ErrUnauthenticated, unauthenticated}, {view.ErrTooMany, resourceExhausted}, {view.ErrConflict, failedPrecondition}, {model.ErrDenied, permissionDenied},
	{model.ErrInvalid, invalidArgument}, {model.ErrNotFound, notFound}, {context.DeadlineExceeded, deadlineExceeded},
	{model.ErrTransient, unavailable},
}

// refusalOf is what is said of an error. What is of no known kind is told to the log
// alone, under an id.
func (a *api) refusalOf(r *http.Request, err error) refusal {
	var own refusal
	if errors.As(err, &own) {
		return own
	}
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return refusal{code: resourceExhausted, status: http.StatusRequestEntityTooLarge, text: "the body is too large: send less"}
	}
	for _, k := range kinds {
		if !errors.Is(err, k.err) {
			continue
		}
		text := err.Error()
		if k.code == permissionDenied {
			text = forbidden.text + ": " + text
		}
		return refusal{code: k.code, text: text}
	}
	var id [6]byte
	_, _ = rand.Read(id[:])
	name := hex.EncodeToString(id[:])
	a.Log.Error("a request has failed", "id", name, "method", r.Method, "path", r.URL.Path, "err", err)
	return refusal{code: internal, text: "something went wrong here (error " + name + "): the controller's log says what"}
}

// fail answers with an error, in the form of gRPC's gateway.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := a.refusalOf(r, err)
	a.refuse(w, r, f, map[string]any{"error": f.text, "code": f.code, "message": f.text})
}

// failStream is fail for a stream that has not begun.
func (a *api) failStream(w http.ResponseWriter, r *http.Request, err error) {
	f := a.refusalOf(r, err)
	a.refuse(w, r, f, f.chunk())
}

// chunk is the error as the last message of a stream.
func (r refusal) chunk() map[string]any {
	return map[string]any{"error": map[string]any{
		"grpc_code": r.code, "http_code": r.http(), "message": r.text, "http_status": http.StatusText(r.http()),
	}}
}

func (a *api) refuse(w http.ResponseWriter, r *http.Request, f refusal, body map[string]any) {
	if r.Context().Err() == context.Canceled {
		return // nobody reads it
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	switch {
	case f.code == unauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="fixpoint"`)
	case f.after > 0:
		h.Set("Retry-After", strconv.Itoa(f.after))
	case f.code == unavailable:
		h.Set("Retry-After", "10")
	}
	raw, _ := json.Marshal(body)
	w.WriteHeader(f.http())
	_, _ = w.Write(append(raw, '\n'))
}
