package web

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func TestImageOf(t *testing.T) {
	for image, want := range map[string]imageName{
		"nginx":                                  {"nginx", ""},
		"nginx:1.29":                             {"nginx", ":1.29"},
		"registry.example:5000/shop/cart":        {"registry.example:5000/shop/cart", ""},
		"registry.example:5000/shop/cart:2.4.0":  {"registry.example:5000/shop/cart", ":2.4.0"},
		"registry.example/shop/cart@sha256:00":   {"registry.example/shop/cart", "@sha256:00"},
		"registry.example/shop/cart:2@sha256:00": {"registry.example/shop/cart", ":2@sha256:00"},
		"":                                       {"", ""},
	} {
		if got := imageOf(image); got != want {
			t.Errorf("%q: %q, want %q", image, got, want)
		}
	}
}

// What runs is there at a glance: only where there are many images some have to be asked for.
func TestAppNamesImages(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := sampleKey("shop-frontend")
	for _, c := range map[string]struct {
		images      []string
		shown, more int
	}{
		"none":  {nil, 0, 0},
		"one":   {[]string{"a:1"}, 1, 0},
		"a few": {[]string{"a:1", "b:1", "c:1", "d:1"}, 4, 0},
		"many":  {[]string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}, 4, 2},
	} {
		b.Edit(app, func(d *view.Detail) { d.Images = c.images })
		d := get(t, s, AppPath(app))
		d.wantCount("#app-facts ul.images li", c.shown+c.more)
		d.wantCount("#app-facts details ul.images li", c.more)
	}
}
