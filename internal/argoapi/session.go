package argoapi

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// credentials are the body of a login. Other fields don't matter.
type credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Token    string `json:"token"`
}

// login answers with a token. Whatever is wrong with name and password, the answer is the
// same.
func login(c *call) (any, error) {
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, err
	}
	var who credentials
	if json.Unmarshal(raw, &who) != nil {
		return nil, invalid(`the body is no JSON: send {"username": "…", "password": "…"}`)
	}
	switch {
	case who.Token != "":
		return nil, refusal{code: unauthenticated, text: "token-based session creation no longer supported: send the token as \"Authorization: Bearer …\""}
	case who.Username == "" || who.Password == "":
		return nil, refusal{code: unauthenticated, text: "no credentials supplied"}
	case c.Login == nil:
		return nil, wrongPassword
	}
	token, err := c.Login(c.r.Context(), who.Username, who.Password, from(c.r))
	var busy Busy
	switch {
	case errors.As(err, &busy):
		return nil, refusal{code: resourceExhausted, text: busy.Error(), after: max(1, int(math.Ceil(busy.After.Seconds())))}
	case errors.Is(err, view.ErrUnauthenticated):
		return nil, wrongPassword
	case err != nil:
		return nil, err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return map[string]string{"token": token}, nil
}

var wrongPassword = refusal{code: unauthenticated, text: "Invalid username or password"}

// from is the client's address; the front door has put it there.
func from(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// logout ends the session of the request, if it shows one.
func logout(c *call) (any, error) {
	if c.Logout != nil {
		if err := c.Logout(c.r); err != nil {
			return nil, err
		}
	}
	return map[string]string{"token": ""}, nil
}

// userInfo is Argo CD's GetUserInfoResponse.
type userInfo struct {
	LoggedIn bool     `json:"loggedIn"`
	Username string   `json:"username,omitempty"`
	Iss      string   `json:"iss,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

func getUserInfo(c *call) (any, error) {
	if c.desk == nil {
		return userInfo{}, nil
	}
	who := c.desk.Who()
	switch {
	case who.Anonymous:
		return userInfo{}, nil
	case who.Local:
		return userInfo{LoggedIn: true, Username: who.Name, Iss: "argocd", Groups: who.Groups}, nil
	}
	return userInfo{LoggedIn: true, Username: who.Title, Groups: who.Groups}, nil
}

// apiVersion is the version of Argo CD whose API this is like: rights that are not
// inherited by objects, and logs with a right of their own.
const apiVersion = "v3.0.0"

// getVersion names the API's version in a form that clients can compare, and the program
// behind the plus sign, where versions have what is not compared.
func getVersion(c *call) (any, error) {
	out := map[string]string{"Version": apiVersion + "+fixpoint"}
	if own := strings.Trim(strings.Map(inVersion, strings.TrimPrefix(c.Version, "v")), "."); own != "" {
		out["Version"] += "." + own
	}
	return out, nil
}

// inVersion keeps what may be in a version behind its plus sign.
func inVersion(r rune) rune {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '-':
		return r
	}
	return '.'
}

// settings is what of Argo CD's Settings everybody may know. ControllerNamespace is for
// those who are signed in.
type settings struct {
	URL                       string        `json:"url,omitempty"`
	OIDCConfig                *oidcSettings `json:"oidcConfig,omitempty"`
	AppLabelKey               string        `json:"appLabelKey"`
	TrackingMethod            string        `json:"trackingMethod"`
	UserLoginsDisabled        bool          `json:"userLoginsDisabled"`
	AppsInAnyNamespaceEnabled bool          `json:"appsInAnyNamespaceEnabled"`
	StatusBadgeEnabled        bool          `json:"statusBadgeEnabled"`
	ExecEnabled               bool          `json:"execEnabled"`
	ControllerNamespace       string        `json:"controllerNamespace,omitempty"`
}

type oidcSettings struct {
	Name string `json:"name"`
}

func getSettings(c *call) (any, error) {
	local, sso := c.Ways()
	out := settings{
		URL: c.URL(), UserLoginsDisabled: !local, StatusBadgeEnabled: c.Badges(), AppLabelKey: "app.kubernetes.io/instance", TrackingMethod: "annotation", AppsInAnyNamespaceEnabled: true,
	}
	if sso != "" {
		out.OIDCConfig = &oidcSettings{sso}
	}
	if c.desk != nil && !c.desk.Who().Anonymous {
		out.ControllerNamespace = c.Namespace
	}
	return out, nil
}
