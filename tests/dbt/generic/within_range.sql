{#- Fails if a smaller share of the values than `at_least` is between `min` and `max`, both inclusive; nulls do not count. -#}
{% test within_range(model, column_name, min=none, max=none, at_least=1, key=none) %}

    {%- if min is none and max is none -%}
        {{ exceptions.raise_compiler_error('within_range of ' ~ column_name ~ ' has neither min nor max') }}
    {%- endif -%}
    {%- set bounds = [] -%}
    {%- if min is not none -%} {%- do bounds.append(column_name ~ ' >= ' ~ min) -%} {%- endif -%}
    {%- if max is not none -%} {%- do bounds.append(column_name ~ ' <= ' ~ max) -%} {%- endif -%}

    {{ share_that_holds(model, bounds | join(' and '), at_least, [column_name] + (key or [])) }}

{% endtest %}
