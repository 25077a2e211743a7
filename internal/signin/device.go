package signin

import (
	"context"
	"net/http"
	"time"
)

// deviceLasts is how long a browser stays known.
const deviceLasts = 90 * 24 * time.Hour

// device is what the cookie of a known browser holds: who has signed in there, with
// which password.
type device struct {
	Account string    `json:"a"`
	Print   string    `json:"p"`
	ID      string    `json:"i"`
	Until   time.Time `json:"u"`
}

const deviceSeal = "device"

func (set *Settings) newDevice(name string, account Account) (string, error) {
	return set.seal(deviceSeal, device{
		Account: name, Print: set.passwordPrint(account), ID: newID(), Until: time.Now().Add(deviceLasts),
	})
}

type deviceKey struct{}

// recognised is the context of a request, with what its cookies say of the browser.
func (s *Service) recognised(r *http.Request) context.Context {
	return context.WithValue(r.Context(), deviceKey{}, s.read(r, deviceCookie))
}

// deviceOf is the id of the browser, if that account has signed in there with the
// password that it still has; "" otherwise.
func (set *Settings) deviceOf(ctx context.Context, name string, account Account) string {
	sealed, _ := ctx.Value(deviceKey{}).(string)
	var d device
	if sealed == "" || set.open(deviceSeal, sealed, &d) != nil {
		return ""
	}
	if d.Account != name || !equal(d.Print, set.passwordPrint(account)) || time.Now().After(d.Until) {
		return ""
	}
	return d.ID
}
