{#- all of them, so that a lookup column that the contract gives any of them is counted by itself -#}
{%- set entities = {
    'companies': ref('int_companies'),
    'accounts': ref('int_accounts'),
    'accounts_ratios': ref('int_accounts_ratios'),
    'charges': ref('int_charges'),
    'chargeholders': ref('int_chargeholders'),
} -%}

with

known_codes as (

    select
        lookup,
        code
    from {{ ref('int_lookup_codes') }}

    -- distinct: a type that the seed has may come to the vendor's lookup later
    union distinct

    select
        'company_types' as lookup,
        company_type as code
    from {{ ref('other_company_types') }}

    union distinct

    select
        'sic07_divisions' as lookup,
        division as code
    from {{ ref('sic07_divisions') }}

    union distinct

    select
        'postcode_areas' as lookup,
        postcode_area as code
    from {{ ref('postcode_areas') }}

),

codes as (

    {% for looked_up in lookup_columns() %}
        select
            '{{ looked_up.entity }}' as entity,
            '{{ looked_up.column }}' as column_name,
            '{{ looked_up.lookup }}' as lookup,
            '{{ looked_up.missing_from }}' as missing_from,
            company_number,
            {{ looked_up.code }} as code
        from {{ entities[looked_up.entity] }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

looked_up as (

    select
        codes.*,
        codes.code is not null and known_codes.code is null as is_unmapped
    from codes
    left join known_codes
        on
            codes.lookup = known_codes.lookup
            and codes.code = known_codes.code

),

final as (

    select
        entity,
        column_name,
        lookup,
        code,
        is_unmapped,
        missing_from,
        count(*) as row_count,
        count(distinct case when is_unmapped then company_number end) as unmapped_companies
    from looked_up
    group by
        entity,
        column_name,
        lookup,
        code,
        is_unmapped,
        missing_from

)

select * from final
