{#- Fails if a condition holds for a smaller share of the rows than `at_least`; rows where it is null do not count. -#}
{% test condition_holds(model, condition, at_least=1, key=none) %}

    {{ share_that_holds(model, condition, at_least, key) }}

{% endtest %}
