package helm

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The values of model.Helm.PostHooks.
const (
	postCombined = "combined"
	postSeparate = "separate"
	postNoHooks  = "nohooks"
)

// post applies the post-renderers. Custom resource definitions of crds/ are
// none of what they see, as with Helm.
func (r *run) post(objects []model.Object) ([]model.Object, error) {
	if len(r.set.Post) == 0 {
		return objects, nil
	}
	if r.opt.Post == nil {
		return nil, model.Invalidf("post-renderers can't be used here")
	}
	hooks, plain := partition(objects, isHook)
	switch r.set.PostHooks {
	case postCombined, "":
		return r.postAll(objects)
	case postNoHooks:
		plain, err := r.postAll(plain)
		return append(plain, hooks...), err
	case postSeparate:
		hooks, err := r.postAll(hooks)
		if err != nil {
			return nil, err
		}
		plain, err := r.postAll(plain)
		return append(plain, hooks...), err
	}
	return nil, model.Invalidf("%q is no way to post-render hooks; use %s, %s or %s",
		r.set.PostHooks, postCombined, postSeparate, postNoHooks)
}

func (r *run) postAll(objects []model.Object) ([]model.Object, error) {
	for _, k := range r.set.Post {
		if len(objects) == 0 {
			return nil, nil
		}
		var err error
		if objects, err = r.opt.Post(objects, k); err != nil {
			return nil, err
		}
	}
	return objects, nil
}
