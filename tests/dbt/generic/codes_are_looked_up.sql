{#-
    Where less than `at_least` of the rows with a code have one that the lookup knows: the codes that it does not know.
    Reads the marts that show them, so these are there to look into when the test fails.
-#}
{% test codes_are_looked_up(model, column_name, lookup, at_least) %}

    select
        unmapped_codes.code,
        unmapped_codes.row_count,
        unmapped_codes.companies,
        unmapped_codes.missing_from,
        lookup_coverage.coverage
    from {{ ref('lookup_coverage') }} as lookup_coverage
    inner join {{ ref('unmapped_codes') }} as unmapped_codes
        on
            lookup_coverage.entity = unmapped_codes.entity
            and lookup_coverage.column_name = unmapped_codes.column_name
            and lookup_coverage.lookup = unmapped_codes.lookup
    where
        'int_' || lookup_coverage.entity = '{{ model.identifier }}'
        and lookup_coverage.column_name = '{{ column_name }}'
        and lookup_coverage.lookup = '{{ lookup }}'
        and lookup_coverage.coverage < {{ at_least }}

{% endtest %}
