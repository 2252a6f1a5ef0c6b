{#- Fails if a smaller share of the values than `at_least` matches a regular expression; nulls do not count. -#}
{% test matches_pattern(model, column_name, pattern, at_least=1, key=none) %}

    {{ share_that_holds(model, regexp_matches(column_name, pattern), at_least, [column_name] + (key or [])) }}

{% endtest %}
