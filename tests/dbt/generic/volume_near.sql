{#-
    Warns and fails by the percentages `volume_warn_percent` and `volume_fail_percent` (whole numbers) that a file's rows
    are off a reference. A difference of fewer rows than `volume_ignored_rows` does not count: a lookup that grows from 3
    codes to 4 is no alarm. Each row that it returns names file and month; what dbt calls results is the worst percentage.
-#}
{% test volume_near(model, column_name, reference) %}

    {{ config(
        fail_calc='cast(floor(coalesce(max(abs(percent_off)), 0)) as bigint)',
        warn_if='>= ' ~ var('volume_warn_percent'),
        error_if='>= ' ~ var('volume_fail_percent'),
    ) }}

    {%- set percent_off = '100 * ' ~ ratio(column_name ~ ' - ' ~ reference, reference) %}

    select
        file,
        snapshot_month,
        delivery,
        {{ column_name }},
        {{ reference }},
        {{ percent_off }} as percent_off
    from {{ model }}
    where
        abs({{ percent_off }}) >= {{ var('volume_warn_percent') }}
        and abs({{ column_name }} - {{ reference }}) >= {{ var('volume_ignored_rows') }}

{% endtest %}
