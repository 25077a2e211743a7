package argo

import (
	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// directory reads the settings of plain files; nil is none.
func (r *rendering) directory(d *v1alpha1.ApplicationSourceDirectory) model.Directory {
	if d == nil {
		return model.Directory{}
	}
	return model.Directory{
		Recurse: d.Recurse, Include: d.Include, Exclude: d.Exclude,
		Jsonnet: model.Jsonnet{
			ExtVars: jsonnetVars(d.Jsonnet.ExtVars), TLAs: jsonnetVars(d.Jsonnet.TLAs), Libs: d.Jsonnet.Libs,
		},
	}
}

func jsonnetVars(all []v1alpha1.JsonnetVar) []model.JsonnetVar {
	var out []model.JsonnetVar
	for _, v := range all {
		out = append(out, model.JsonnetVar{Name: v.Name, Value: v.Value, Code: v.Code})
	}
	return out
}

// plugin reads the settings of a config management plugin.
func (r *rendering) plugin(p *v1alpha1.ApplicationSourcePlugin) model.Plugin {
	out := model.Plugin{Name: p.Name}
	for _, e := range p.Env {
		out.Env = append(out.Env, model.NameValue{Name: e.Name, Value: e.Value})
	}
	for _, q := range p.Parameters {
		out.Parameters = append(out.Parameters, model.PluginParameter{Name: q.Name, String: q.String, Map: q.Map, Array: q.Array})
	}
	return out
}
