package front

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusal is an answer of the door itself.
type refusal struct {
	status int
	// kind names it in the API's problems, text says what is the matter, next what to
	// do.
	kind, text, next string
	// code is gRPC's, for clients of Argo CD.
	code int
}

var (
	unauthenticated = refusal{http.StatusUnauthorized, "unauthenticated", "not signed in",
		"Send a token as \"Authorization: Bearer …\", or sign in at /auth/login.", 16}
	elsewhere = refusal{http.StatusMisdirectedRequest, "host", "at this host name only those who have signed in are let in",
		"Use the installation's own address, or sign in. Whoever runs it can add the name: url or additionalUrls of argocd-cm, or --ui-host.", 16}
	unavailable = refusal{http.StatusServiceUnavailable, "unavailable", "it can't be told who asks",
		"Try again; the log of the controller says what is wrong.", 14}
	starting = refusal{http.StatusServiceUnavailable, "unavailable", "Fixpoint is starting, and has not read yet what there is and who may see it",
		"Try again in some seconds. If it stays so, the log of the controller says what is wrong.", 14}
	crossOrigin = refusal{http.StatusForbidden, "cross-origin", "the request comes from another site",
		"Use the pages of this site. Programs send neither Origin nor Sec-Fetch-Site.", 7}
	notJSON = refusal{http.StatusUnsupportedMediaType, "media-type", "the body has to be JSON",
		"Send the header \"Content-Type: application/json\".", 3}
	tooLarge = refusal{http.StatusRequestEntityTooLarge, "too-large", "the body is too large",
		"Send less.", 8}
	tooManyStreams = refusal{http.StatusTooManyRequests, "too-many", "too many streams are open",
		"Close some, such as other windows, or try again later.", 8}
	tooManyRequests = refusal{http.StatusTooManyRequests, "too-many", "too many requests are under way",
		"Wait for answers before you ask for more.", 8}
	noSuchPage = refusal{http.StatusNotFound, "not-found", "not found",
		"Check the address.", 5}
	wrongMethod = refusal{http.StatusMethodNotAllowed, "method", "not a method of this address",
		"Use one of those that the header Allow names.", 12}
)

func failed(id string) refusal {
	return refusal{http.StatusInternalServerError, "internal", "something went wrong here (error " + id + ")",
		"The log of the controller has more under that id.", 13}
}

// refuse answers in the form that the client reads: a problem (RFC 9457), Argo CD's
// form below /api/, or text.
func refuse(w http.ResponseWriter, r *http.Request, f refusal) {
	h := w.Header()
	h.Del("Content-Length")
	if f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	var body []byte
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		h.Set("Content-Type", "application/json")
		body, _ = json.Marshal(map[string]any{"error": f.text, "message": f.text, "code": f.code})
	case isAPI(r) || strings.Contains(r.Header.Get("Accept"), "json"):
		h.Set("Content-Type", "application/problem+json")
		body, _ = json.Marshal(map[string]any{
			"type": "/fixpoint/v1/problems/" + f.kind, "title": http.StatusText(f.status), "status": f.status,
			"detail": f.text, "next": f.next,
		})
	default:
		h.Set("Content-Type", "text/plain; charset=utf-8")
		body = fmt.Appendf(nil, "%d %s: %s\n%s", f.status, http.StatusText(f.status), f.text, f.next)
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(append(body, '\n'))
}

func notFound(w http.ResponseWriter, r *http.Request) { refuse(w, r, noSuchPage) }

func orNotFound(h http.Handler) http.Handler {
	if h == nil {
		return http.HandlerFunc(notFound)
	}
	return h
}

// methods are the handlers of an address; nil is none.
type methods struct{ get, post http.HandlerFunc }

func (m methods) serve(w http.ResponseWriter, r *http.Request) {
	var allow []string
	if m.get != nil {
		allow = append(allow, http.MethodGet, http.MethodHead)
	}
	if m.post != nil {
		allow = append(allow, http.MethodPost)
	}
	switch {
	case m.get != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		m.get(w, r)
	case m.post != nil && r.Method == http.MethodPost:
		m.post(w, r)
	default:
		w.Header().Set("Allow", strings.Join(allow, ", "))
		refuse(w, r, wrongMethod)
	}
}
