package fetch

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestRedact: nothing that starts with "planted" is left.
func TestRedact(t *testing.T) {
	s := Settings{
		Auth: model.Auth{
			Username: "me", Password: "planted/pass word+1", BearerToken: "planted-bearer", SecretKey: "planted-secret", SessionToken: "planted-session",
			DockerConfig: config("planted.example.com"),
		},
		Proxy: model.Proxy{Password: "planted-proxy"},
	}
	basic := base64.StdEncoding.EncodeToString([]byte("me:planted/pass word+1"))
	for _, text := range []string{
		"wrong password planted/pass word+1",
		"at https://me:planted@example.com/x",
		"at https://planted@example.com",
		"at https://me:plan@ted:planted@example.com/x",
		`Get "https://example.com/x?sig=planted&se=planted": refused`,
		"https://example.com/?planted",
		"Authorization: Basic " + basic,
		"Authorization: Bearer planted-other-token",
		"path " + url.PathEscape("planted/pass word+1") + " query " + url.QueryEscape("planted/pass word+1"),
		"Authorization: AWS4-HMAC-SHA256 Credential=planted/20260101/x/s3/aws4_request, SignedHeaders=host, Signature=0123456789abcdef",
		"the token sv=1&sig=planted%3D&se=2 is wrong",
		"planted-bearer planted-secret planted-session planted-proxy planted.example.com",
	} {
		got := s.Redact(text)
		if strings.Contains(got, "planted") || strings.Contains(got, basic) {
			t.Errorf("%q became %q", text, got)
		}
		if err := s.Error("doing "+text, errors.New(text)); strings.Contains(err.Error(), "planted") {
			t.Errorf("%q became the error %q", text, err)
		}
	}
	for _, text := range []string{"https://example.com/a@b", "no secret at all?", "chart web 1.0.0", "oci://example.com/app"} {
		if got := s.Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestErrors(t *testing.T) {
	s := Settings{}
	for name, tt := range map[string]struct {
		err  error
		kind error
		want string
	}{
		"unknown":       {errors.New("x"), model.ErrTransient, "doing: x"},
		"kind":          {model.Invalidf("x"), model.ErrInvalid, "doing: x"},
		"wrapped":       {fmt.Errorf("object: %w", &url.Error{Op: "Get", URL: "https://example.com/?sig=x", Err: model.As(model.ErrDenied, errors.New("no"))}), model.ErrDenied, "doing: object: no"},
		"our port":      {errors.New("read tcp 10.0.0.1:54321->10.0.0.2:443: reset"), model.ErrTransient, "doing: read tcp 10.0.0.2:443: reset"},
		"name server":   {errors.New("lookup example.com on 10.0.0.10:53: no such host"), model.ErrTransient, "doing: lookup example.com: no such host"},
		"several lines": {errors.New("a\n\tb\x00\x1b[31m"), model.ErrTransient, "doing: a b [31m"},
		"deadline":      {context.DeadlineExceeded, model.ErrTransient, "doing: context deadline exceeded; raise the source's timeout if the server is slow"},
		"authority":     {x509.UnknownAuthorityError{}, model.ErrTransient, "doing: x509: certificate signed by unknown authority; add the CA of the server to the source's credentials"},
	} {
		err := s.Error("doing", tt.err)
		if !errors.Is(err, tt.kind) || err.Error() != tt.want {
			t.Errorf("%s: %q", name, err)
		}
	}
	for code, kind := range map[int]error{401: model.ErrDenied, 403: model.ErrDenied, 404: model.ErrNotFound, 410: model.ErrNotFound, 429: model.ErrTransient, 500: model.ErrTransient, 503: model.ErrTransient, 304: model.ErrInvalid} {
		if err := Status("x", code); !errors.Is(err, kind) {
			t.Errorf("%d: %v", code, err)
		}
	}
}
